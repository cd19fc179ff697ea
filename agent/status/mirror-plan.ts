import type { ApiObject } from '../api/types.ts';
import { CONFIG_HASH, CONFIG_MIRROR } from '../objects/static-pod.ts';
import type { Pod } from '../objects/types.ts';

/** What is to be done about the mirror pod of one name. */
export type MirrorStep = 'nothing' | 'create' | 'delete';

/**
 * Compares a static pod with its mirror (kubelet: `tryReconcileMirrorPods`, pkg/kubelet/kubelet.go). A mirror that somebody deletes,
 * or that shows what the manifest was before, makes room for a new one; it goes for good when its static pod has ended.
 *
 * @param wanted undefined when no manifest has the pod
 * @param isEnding a static pod of that name is still being stopped: its mirror shows that
 */
export function mirrorStep(
  wanted: Pod | undefined,
  mirror: Pick<ApiObject, 'metadata'> | undefined,
  isEnding: boolean,
): MirrorStep {
  if (isEnding) return 'nothing';
  if (mirror === undefined) return wanted === undefined ? 'nothing' : 'create';
  const isLeaving = mirror.metadata.deletionTimestamp !== undefined;
  return wanted === undefined || isLeaving || !mirrors(mirror, wanted) ? 'delete' : 'nothing';
}

/** Whether an object shows this static pod as it is now. */
export function mirrors({ metadata }: Pick<ApiObject, 'metadata'>, pod: Pod): boolean {
  const hash = pod.metadata.annotations[CONFIG_HASH];
  return hash !== undefined && metadata.annotations?.[CONFIG_MIRROR] === hash;
}

/**
 * The object that shows a static pod (kubelet: `CreateMirrorPod`, pkg/kubelet/pod/mirror_client.go). The Node owns it, and the
 * admission plugin NodeRestriction wants exactly this owner.
 */
export function renderMirrorPod(
  { metadata, spec }: Pod,
  node: { readonly name: string; readonly uid: string },
): object {
  const { name, namespace, labels, annotations } = metadata;
  const hash = annotations[CONFIG_HASH] ?? '';
  const owner = { apiVersion: 'v1', kind: 'Node', ...node, controller: true };
  return {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: {
      ...{ name, namespace, labels },
      annotations: { ...annotations, [CONFIG_MIRROR]: hash },
      ownerReferences: [owner],
    },
    spec,
  };
}

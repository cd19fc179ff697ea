import { createHash } from 'node:crypto';
import { canonicalJson, isJsonList, isJsonObject, type JsonObject } from './json.ts';
import { qosClass } from './qos.ts';
import type { Pod, PodSpec } from './types.ts';

/** Annotations that the kubelet puts on the pods of its sources (`pkg/kubelet/types/pod_update.go`). */
export const CONFIG_HASH = 'kubernetes.io/config.hash';
export const CONFIG_SOURCE = 'kubernetes.io/config.source';
export const CONFIG_SEEN = 'kubernetes.io/config.seen';
/** Hash of what cannot change under a running pod. On pods with a UID of their own only: an edit of others is another pod. */
export const FIXED_HASH = 'podwright.dev/fixed-hash';
export const CONFIG_MIRROR = 'kubernetes.io/config.mirror';
/** What {@link CONFIG_SOURCE} says of pods of an API server. */
export const API_SOURCE = 'api';

/** Whether an API server bound the pod to this node; else its manifest is here. */
export function isFromApi({ metadata }: Pod): boolean {
  return metadata.annotations[CONFIG_SOURCE] === API_SOURCE;
}

/** Where a static pod comes from. */
export interface StaticPodOrigin {
  readonly nodeName: string;
  /** Path of the manifest file. */
  readonly origin: string;
  /** The Pod as its manifest has it, before defaulting. */
  readonly document: JsonObject;
  /** When this node first saw the pod, milliseconds since the epoch. */
  readonly seenAt: number;
}

type Toleration = NonNullable<PodSpec['tolerations']>[number];

/** Static pods are not evicted by taints. */
const TOLERATES_EVICTION: Toleration = { operator: 'Exists', effect: 'NoExecute' };

/**
 * Gives a pod from a manifest the identity that the kubelet gives it (`pkg/kubelet/config/common.go`): a name with the node in
 * it, a UID from its content, node and file, the node's name, annotations, and a toleration of every NoExecute taint. A
 * status that the manifest brought along is dropped.
 */
export function toStaticPod(pod: Pod, from: StaticPodOrigin): Pod {
  const hash = contentHash(from);
  const uid = pod.metadata.uid || hash;
  const staticPod: Pod = {
    ...pod,
    metadata: {
      ...pod.metadata,
      name: `${pod.metadata.name}-${from.nodeName.toLowerCase()}`,
      uid,
      annotations: {
        ...pod.metadata.annotations,
        [CONFIG_HASH]: hash,
        ...(pod.metadata.uid ? { [FIXED_HASH]: fixedHash(from.document, qosClass(pod)) } : {}),
        [CONFIG_SOURCE]: 'file',
        [CONFIG_SEEN]: new Date(from.seenAt).toISOString(),
      },
    },
    spec: { ...pod.spec, nodeName: from.nodeName, tolerations: withToleration(pod.spec.tolerations ?? []) },
  };
  delete staticPod.status;
  return staticPod;
}

/**
 * Identity of a pod's content. It is the hash annotation also of a pod with a UID of its own, where the kubelet writes the
 * UID: only so can an edit of such a pod be seen, also by a daemon that was away when it happened. MD5 as the kubelet's, so that UIDs look alike. It covers the document and not the defaulted pod: a version with one more
 * default must not give every pod a new identity and so restart it.
 */
function contentHash({ nodeName, origin, document }: StaticPodOrigin): string {
  const content = without(document, 'status');
  const hash = createHash('md5');
  hash.update(canonicalJson(content));
  hash.update(`host:${nodeName}`);
  hash.update(`file:${origin}`);
  return hash.digest('hex');
}

/**
 * Images, CPU and memory of containers may change while the pod runs, as through an API server; all else makes another pod,
 * also another class of quality of service, because that is where the pod's cgroup is.
 */
function fixedHash(document: JsonObject, qos: string): string {
  const content = without(document, 'status');
  const { spec } = content;
  const fixed = isJsonObject(spec) ? { ...content, spec: withoutChangeable(spec) } : content;
  return createHash('md5').update(canonicalJson(fixed)).update(qos).digest('hex');
}

function withoutChangeable(spec: JsonObject): JsonObject {
  const lists = ['containers', 'initContainers'].flatMap((name) => {
    const list = spec[name];
    return isJsonList(list)
      ? [[name, list.map((container) => (isJsonObject(container) ? withoutResizable(container) : container))] as const]
      : [];
  });
  return { ...spec, ...Object.fromEntries(lists) };
}

function withoutResizable(container: JsonObject): JsonObject {
  const { resources } = container;
  const rest = without(container, 'image', 'resources');
  if (!isJsonObject(resources)) return rest;
  const lists = ['limits', 'requests'].flatMap((name) => {
    const list = resources[name];
    const fixed = isJsonObject(list) ? without(list, 'cpu', 'memory') : {};
    return Object.keys(fixed).length === 0 ? [] : [[name, fixed] as const];
  });
  const fixed = { ...without(resources, 'limits', 'requests'), ...Object.fromEntries(lists) };
  return Object.keys(fixed).length === 0 ? rest : { ...rest, resources: fixed };
}

function without(object: JsonObject, ...names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

function withToleration(tolerations: readonly Toleration[]): Toleration[] {
  const there = tolerations.some(
    ({ key, operator, effect }) =>
      !key && operator === TOLERATES_EVICTION.operator && effect === TOLERATES_EVICTION.effect,
  );
  return there ? [...tolerations] : [...tolerations, { ...TOLERATES_EVICTION }];
}

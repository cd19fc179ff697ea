import type { IPod } from 'kubernetes-models/v1';
import type { ApiObject } from '../api/types.ts';
import { defaultPod } from '../objects/defaults.ts';
import { API_SOURCE, CONFIG_MIRROR, CONFIG_SEEN, CONFIG_SOURCE } from '../objects/static-pod.ts';
import type { Pod } from '../objects/types.ts';

export { API_SOURCE };

/** A pod from an API server, with the annotations that say where it comes from (`pkg/kubelet/types/pod_update.go`). */
export function podFromApi(object: ApiObject, seenAt: number): Pod {
  // A newer server's fields stay on it; what an older one does not default is filled in.
  const pod = defaultPod(object as unknown as IPod);
  const annotations = {
    ...pod.metadata.annotations,
    [CONFIG_SOURCE]: API_SOURCE,
    [CONFIG_SEEN]: new Date(seenAt).toISOString(),
  };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}

/** Whether an object only shows a static pod of this node. */
export function isMirrorPod({ metadata }: Pick<ApiObject, 'metadata'>): boolean {
  return metadata.annotations?.[CONFIG_MIRROR] !== undefined;
}

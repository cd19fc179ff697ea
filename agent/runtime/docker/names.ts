import type { PodIdentity } from '../types.ts';

const prefix = 'k8s';
const sandboxContainerName = 'POD';

/** `k8s_POD_<pod>_<namespace>_<uid>_<attempt>`, as dockershim and cri-dockerd name sandboxes. */
export function sandboxName(pod: PodIdentity, attempt: number): string {
  return containerName(pod, sandboxContainerName, attempt);
}

/** `k8s_<container>_<pod>_<namespace>_<uid>_<attempt>`, as dockershim and cri-dockerd name containers. */
export function containerName(pod: PodIdentity, container: string, attempt: number): string {
  return [prefix, container, pod.name, pod.namespace, pod.uid, attempt].join('_');
}

/** The attempt at the end of a container's name, 0 when the name is not one of ours. */
export function attemptOf(name: string): number {
  const attempt = /^\/?k8s_.*_(\d+)$/.exec(name)?.[1];
  return attempt === undefined ? 0 : Number(attempt);
}

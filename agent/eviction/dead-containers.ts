import type { ContainerRuntime, RuntimePodSummary } from '../runtime/types.ts';

/**
 * Containers that can go to free space (`DeleteAllUnusedContainers`, pkg/kubelet/kuberuntime/kuberuntime_gc.go): all of a pod
 * that is over, with their logs and what they wrote, and elsewhere those that ended before the newest of their name.
 *
 * @param isOver whether the pod with this UID has ended for good
 * @returns their IDs
 */
export function deadContainers(
  pods: readonly RuntimePodSummary[],
  isOver: (uid: string) => boolean,
): readonly string[] {
  return pods.flatMap(({ pod, containers }) => {
    const newest = new Set(new Map([...containers].reverse().map(({ name, id }) => [name, id])).values());
    const keepsNewest = !isOver(pod.uid);
    return containers.filter(({ id, running }) => !running && !(keepsNewest && newest.has(id))).map(({ id }) => id);
  });
}

/** Removes {@link deadContainers}. What cannot be removed stays for the next time. */
export async function removeDead(
  runtime: Pick<ContainerRuntime, 'listPods' | 'removeContainer'>,
  isOver: (uid: string) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const ids = deadContainers(await runtime.listPods(signal), isOver);
  const results = await Promise.allSettled(ids.map((id) => runtime.removeContainer(id, signal)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw new Error('some dead containers cannot be removed', { cause: failed.reason });
}

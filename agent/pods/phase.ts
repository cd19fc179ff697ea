import type { ContainerStatus, Pod } from '../objects/types.ts';

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/**
 * The pod's phase from its containers' statuses, by the kubelet's `getPhase` (`pkg/kubelet/kubelet_pods.go`): a waiting
 * container that ended before counts as stopped, and a pod that always restarts is never finished.
 */
export function podPhase(pod: Pod, statuses: readonly ContainerStatus[]): PodPhase {
  const running = statuses.filter(({ state }) => state?.running !== undefined);
  const ended = statuses
    .map(({ state, lastState }) => state?.terminated ?? (state?.waiting && lastState?.terminated))
    .filter((terminated) => terminated !== undefined);
  if (running.length + ended.length < statuses.length || statuses.length === 0) return 'Pending';
  if (running.length > 0 || pod.spec.restartPolicy === 'Always') return 'Running';
  if (ended.every(({ exitCode }) => exitCode === 0)) return 'Succeeded';
  return pod.spec.restartPolicy === 'Never' ? 'Failed' : 'Running';
}

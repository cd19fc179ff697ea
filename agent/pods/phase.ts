import type { Container, ContainerStatus, Pod } from '../objects/types.ts';
import { isSidecar } from './observed.ts';

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** Where a container is on its way, as the phase sees it: a waiting one that ended before counts as ended. */
type Stage = 'unstarted' | 'running' | 'succeeded' | 'failed';

/**
 * The pod's phase from its containers' statuses, by the kubelet's `getPhase` (`pkg/kubelet/kubelet_pods.go`): a pod that
 * has init containers to come is pending, sidecars that ended are not counted, a pod that always restarts is never finished.
 *
 * @param statuses of init containers, app containers
 */
export function podPhase(
  pod: Pod,
  statuses: { readonly init: readonly ContainerStatus[]; readonly app: readonly ContainerStatus[] },
): PodPhase {
  const apps = stagesOf(pod.spec.containers, statuses.app);
  const inits = pod.spec.initContainers ?? [];
  const regular = stagesOf(
    inits.filter((container) => !isSidecar(container)),
    statuses.init,
  );
  const sidecars = stagesOf(inits.filter(isSidecar), statuses.init);
  if (regular.includes('failed') && pod.spec.restartPolicy === 'Never') return 'Failed';
  if (regular.some((stage) => stage === 'unstarted' || stage === 'running')) return 'Pending';
  const appsBegan = apps.some((stage) => stage !== 'unstarted');
  const isSidecarPending = sidecarsPending(inits.filter(isSidecar), statuses.init);
  if (isSidecarPending && !appsBegan) return 'Pending';
  if (apps.includes('unstarted') || apps.length === 0) return 'Pending';
  if (apps.includes('running') || sidecars.includes('running')) return 'Running';
  return finishedPhase(pod, apps);
}

function finishedPhase(pod: Pod, apps: readonly Stage[]): PodPhase {
  if (pod.spec.restartPolicy === 'Always') return 'Running';
  if (apps.every((stage) => stage === 'succeeded')) return 'Succeeded';
  return pod.spec.restartPolicy === 'Never' ? 'Failed' : 'Running';
}

/** A sidecar holds the pod back until it has started, which is more than to run. */
function sidecarsPending(sidecars: readonly Container[], statuses: readonly ContainerStatus[]): boolean {
  return sidecars.some(({ name }) => {
    const status = statuses.find((candidate) => candidate.name === name);
    if (status?.state?.running !== undefined) return status.started !== true;
    return status?.state?.terminated === undefined && status?.lastState?.terminated === undefined;
  });
}

function stagesOf(containers: readonly Container[], statuses: readonly ContainerStatus[]): Stage[] {
  return containers.map(({ name }) => stage(statuses.find((status) => status.name === name)));
}

function stage(status: ContainerStatus | undefined): Stage {
  if (status?.state?.running !== undefined) return 'running';
  const ended = status?.state?.terminated ?? (status?.state?.waiting && status.lastState?.terminated);
  if (ended === undefined) return 'unstarted';
  return ended.exitCode === 0 ? 'succeeded' : 'failed';
}

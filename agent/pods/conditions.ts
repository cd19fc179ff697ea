import type { ContainerStatus, PodCondition, PodStatus } from '../objects/types.ts';
import { timestamp } from './container-status.ts';
import type { PodPhase } from './phase.ts';

interface Verdict {
  readonly type: string;
  readonly status: boolean;
  readonly reason?: string;
  readonly message?: string;
}

/**
 * The pod's conditions in the kubelet's order (`pkg/kubelet/status/generate.go`). The transition time of a condition
 * whose status did not change stays.
 *
 * @param sandboxReady the sandbox runs and has its network
 */
export function podConditions(
  phase: PodPhase,
  statuses: readonly ContainerStatus[],
  sandboxReady: boolean,
  previous: PodStatus | undefined,
  now: number,
): PodCondition[] {
  const ready = readiness(phase, statuses);
  const verdicts: Verdict[] = [
    { type: 'PodReadyToStartContainers', status: sandboxReady },
    { type: 'Initialized', status: true, ...(phase === 'Succeeded' ? { reason: 'PodCompleted' } : {}) },
    { type: 'Ready', ...ready },
    { type: 'ContainersReady', ...ready },
    { type: 'PodScheduled', status: true },
  ];
  return verdicts.map((verdict) => condition(verdict, previous, now));
}

function readiness(phase: PodPhase, statuses: readonly ContainerStatus[]): Omit<Verdict, 'type'> {
  if (phase === 'Succeeded') return { status: false, reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: false, reason: 'PodFailed' };
  const unready = statuses.filter(({ ready }) => !ready).map(({ name }) => name);
  if (unready.length === 0) return { status: true };
  const message = `containers with unready status: [${unready.join(' ')}]`;
  return { status: false, reason: 'ContainersNotReady', message };
}

function condition(verdict: Verdict, previous: PodStatus | undefined, now: number): PodCondition {
  const status = verdict.status ? 'True' : 'False';
  const before = previous?.conditions?.find(({ type }) => type === verdict.type);
  const since = before?.status === status ? before.lastTransitionTime : undefined;
  return {
    type: verdict.type,
    status,
    lastTransitionTime: since ?? timestamp(now),
    ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
    ...(verdict.message === undefined ? {} : { message: verdict.message }),
  };
}

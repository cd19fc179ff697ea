import type { ContainerStatus, Pod } from '../../objects/types.ts';
import { age } from './duration.ts';

/** The columns that `kubectl get pods` prints of a pod. */
export interface PodSummary {
  /** `1/2` */
  readonly ready: string;
  readonly status: string;
  /** `3 (5m ago)` */
  readonly restarts: string;
  readonly ip: string;
}

/** By the rules of kubectl's `printPod` (`pkg/printers/internalversion/printers.go`). */
export function summarisePod(pod: Pod, terminating: boolean, now: number): PodSummary {
  const statuses = pod.status?.containerStatuses ?? [];
  const ready = statuses.filter((status) => status.ready && status.state?.running !== undefined).length;
  return {
    ready: `${ready}/${pod.spec.containers.length}`,
    status: terminating ? 'Terminating' : podReason(pod, statuses),
    restarts: restarts(statuses, now),
    ip: pod.status?.podIP ?? '<none>',
  };
}

/** The first container, in the order of the list, that has something to say; a pod with a running one is not `Completed`. */
function podReason(pod: Pod, statuses: readonly ContainerStatus[]): string {
  const phase = pod.status?.reason ?? pod.status?.phase ?? 'Unknown';
  const reason = statuses.map(containerReason).find((text) => text !== undefined) ?? phase;
  const running = statuses.some(({ ready, state }) => ready && state?.running !== undefined);
  if (reason !== 'Completed' || !running) return reason;
  return isReady(pod) ? 'Running' : 'NotReady';
}

function containerReason({ state }: ContainerStatus): string | undefined {
  if (state?.waiting?.reason) return state.waiting.reason;
  const terminated = state?.terminated;
  if (terminated === undefined) return undefined;
  if (terminated.reason) return terminated.reason;
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`;
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

function restarts(statuses: readonly ContainerStatus[], now: number): string {
  const count = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
  const ends = statuses.flatMap(({ lastState }) => lastState?.terminated?.finishedAt ?? []).sort();
  const last = ends[ends.length - 1];
  return count === 0 || last === undefined ? String(count) : `${count} (${age(last, now)} ago)`;
}

import { isSidecar } from '../../objects/pod-resources.ts';
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
  const sidecars = sidecarStatuses(pod);
  const ready = statuses.filter(isRunning).length + sidecars.filter(({ ready: is, started }) => is && started).length;
  const init = initReason(pod);
  const counted = init === undefined ? [...statuses, ...sidecars] : (pod.status?.initContainerStatuses ?? []);
  return {
    ready: `${ready}/${pod.spec.containers.length + sidecarNames(pod).size}`,
    status: terminating ? 'Terminating' : (init ?? podReason(pod, statuses)),
    restarts: restarts(counted, now),
    ip: pod.status?.podIP || '<none>',
  };
}

const isRunning = ({ ready, state }: ContainerStatus): boolean => ready && state?.running !== undefined;

/** Init containers that go on running beside the others (KEP-753). */
function sidecarNames(pod: Pod): ReadonlySet<string> {
  const containers = pod.spec.initContainers ?? [];
  return new Set(containers.filter(isSidecar).map(({ name }) => name));
}

function sidecarStatuses(pod: Pod): ContainerStatus[] {
  const names = sidecarNames(pod);
  return (pod.status?.initContainerStatuses ?? []).filter(({ name }) => names.has(name));
}

/** `Init:…` while the pod initialises: the first init container that is not through says why. */
function initReason(pod: Pod): string | undefined {
  if (hasCondition(pod, 'Initialized')) return undefined;
  const sidecars = sidecarNames(pod);
  const statuses = pod.status?.initContainerStatuses ?? [];
  const index = statuses.findIndex(({ name, state, started }) =>
    sidecars.has(name) ? started !== true : state?.terminated?.exitCode !== 0,
  );
  const current = statuses[index];
  if (current === undefined) return undefined;
  const { waiting, terminated } = current.state ?? {};
  if (terminated !== undefined) return `Init:${terminatedReason(terminated)}`;
  if (waiting?.reason && waiting.reason !== 'PodInitializing') return `Init:${waiting.reason}`;
  return `Init:${index}/${pod.spec.initContainers?.length ?? 0}`;
}

/** The first container, in the order of the list, that has something to say; a pod with a running one is not `Completed`. */
function podReason(pod: Pod, statuses: readonly ContainerStatus[]): string {
  const phase = pod.status?.reason || pod.status?.phase || 'Unknown';
  const reason = statuses.map(containerReason).find((text) => text !== undefined) ?? phase;
  if (reason !== 'Completed' || !statuses.some(isRunning)) return reason;
  return hasCondition(pod, 'Ready') ? 'Running' : 'NotReady';
}

type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;

function containerReason({ state }: ContainerStatus): string | undefined {
  if (state?.waiting?.reason) return state.waiting.reason;
  return state?.terminated === undefined ? undefined : terminatedReason(state.terminated);
}

function terminatedReason({ reason, signal, exitCode }: Terminated): string {
  return reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`);
}

function hasCondition(pod: Pod, wanted: string): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === wanted && status === 'True') ?? false;
}

function restarts(statuses: readonly ContainerStatus[], now: number): string {
  const count = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
  const ends = statuses.flatMap(({ lastState }) => lastState?.terminated?.finishedAt ?? []).sort();
  const last = ends[ends.length - 1];
  return count === 0 || last === undefined ? String(count) : `${count} (${age(last, now)} ago)`;
}

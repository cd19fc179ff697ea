import type { Container, ContainerStatus, Pod } from '../objects/types.ts';
import { isSidecar } from '../objects/pod-resources.ts';
import { restartsAfter } from './restart-policy.ts';

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export interface PhaseInput {
  readonly init: readonly ContainerStatus[];
  readonly app: readonly ContainerStatus[];
  /** App containers of the present sandbox exist: its init containers have done their work. */
  readonly appsBegan: boolean;
}

/**
 * Where a container is on its way, as the phase sees it: a waiting one that ended before counts as ended, and `restarting`
 * is one that ended and whose policy starts it again.
 */
type Stage = 'unstarted' | 'running' | 'restarting' | 'succeeded' | 'failed';

/**
 * The pod's phase from its containers' statuses, by the kubelet's `getPhase` (`pkg/kubelet/kubelet_pods.go`): a pod that
 * has init containers to come is pending, sidecars that ended are not counted, a container's own restart policy goes
 * before the pod's.
 */
export function podPhase(pod: Pod, { init, app, appsBegan }: PhaseInput): PodPhase {
  const inits = pod.spec.initContainers ?? [];
  const regular = inits.filter((one) => !isSidecar(one)).map((one) => initStage(pod, one, statusOf(one, init)));
  const sidecars = inits.filter(isSidecar).map((one) => statusOf(one, init));
  const apps = pod.spec.containers.map((one) => stage(pod, one, statusOf(one, app)));
  if (regular.includes('failed')) return 'Failed';
  if (regular.some((one) => one === 'unstarted' || one === 'running')) return 'Pending';
  if (sidecars.some((one) => isPending(one, appsBegan)) || apps.includes('unstarted')) return 'Pending';
  if (apps.includes('running') || sidecars.some((one) => one?.state?.running !== undefined)) return 'Running';
  return apps.includes('restarting') ? 'Running' : endedPhase(app);
}

/** A sidecar holds the pod back until it has started, which is more than to run; once apps were begun only at its first run. */
function isPending(sidecar: ContainerStatus | undefined, appsBegan: boolean): boolean {
  if (sidecar?.state?.running !== undefined) return !appsBegan && sidecar.started !== true;
  return endOf(sidecar) === undefined;
}

/** The phase of a pod none of whose containers will run again. */
export function endedPhase(app: readonly ContainerStatus[]): 'Succeeded' | 'Failed' {
  return app.every((status) => endOf(status)?.exitCode === 0) ? 'Succeeded' : 'Failed';
}

const statusOf = ({ name }: Container, statuses: readonly ContainerStatus[]): ContainerStatus | undefined =>
  statuses.find((status) => status.name === name);

function stage(pod: Pod, container: Container, status: ContainerStatus | undefined): Stage {
  if (status?.state?.running !== undefined) return 'running';
  const ended = endOf(status);
  if (ended === undefined) return 'unstarted';
  if (restartsAfter(pod, container, ended.exitCode)) return 'restarting';
  return ended.exitCode === 0 ? 'succeeded' : 'failed';
}

/** A success of an init container is final whatever its policy. */
function initStage(pod: Pod, container: Container, status: ContainerStatus | undefined): Stage {
  return endOf(status)?.exitCode === 0 ? 'succeeded' : stage(pod, container, status);
}

function endOf(status: ContainerStatus | undefined): { readonly exitCode: number } | undefined {
  return status?.state?.terminated ?? (status?.state?.waiting && status.lastState?.terminated);
}

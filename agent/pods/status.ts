import type { Container, ContainerStatus, Pod, PodStatus } from '../objects/types.ts';
import type { RuntimePod } from '../runtime/types.ts';
import { annotation } from './annotations.ts';
import { observedGeneration, podConditions } from './conditions.ts';
import {
  containerStatus,
  type ContainerStatusInput,
  type ContainerVerdicts,
  timestamp,
  type WaitingReason,
} from './container-status.ts';
import { mayRun, newestContainer, newestIn } from './observed.ts';
import { endedPhase, type PodPhase, podPhase } from './phase.ts';
import { usableSandbox } from './plan.ts';
import type { ContainerKind } from './plan-types.ts';
import type { ResizeState } from './resize-conditions.ts';

/** Why a pod failed as a whole: refused, evicted, past its deadline. */
export interface PodFailure {
  /** CamelCase, e.g. `Evicted`. */
  readonly reason: string;
  readonly message: string;
  /** Message of the condition `DisruptionTarget` that the pod has in the end; undefined when it is not to have it. */
  readonly disruption?: string;
}

export interface StatusInput {
  readonly pod: Pod;
  readonly observed: RuntimePod;
  /** By container name. */
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  /** Status published before, whose times and counts go on. */
  readonly previous: PodStatus | undefined;
  /** Addresses of the node, primary first. */
  readonly hostIps: readonly string[];
  readonly qosClass: NonNullable<PodStatus['qosClass']>;
  readonly verdicts: ContainerVerdicts;
  /** By container ID. */
  readonly terminationMessages: ReadonlyMap<string, string>;
  readonly failure: PodFailure | undefined;
  readonly resize: ResizeState;
  /** By its plan nothing of the pod will start any more. */
  readonly isFinished: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The whole `status` of a pod. The only place that makes one; reads nothing, touches nothing. */
export function computePodStatus(input: StatusInput): PodStatus {
  const { pod, observed, previous, now, failure } = input;
  const sandboxReady = usableSandbox(pod, observed) !== undefined;
  const init = statusesOf(input, 'init', pod.spec.initContainers ?? [], previous?.initContainerStatuses);
  const app = byName(statusesOf(input, 'app', pod.spec.containers, previous?.containerStatuses));
  const ephemeral = byName(
    statusesOf(input, 'ephemeral', pod.spec.ephemeralContainers ?? [], previous?.ephemeralContainerStatuses),
  );
  const appsBegan = haveAppsBegun(input, app);
  const phase = phaseOf(input, podPhase(pod, { init, app, appsBegan }), app);
  return {
    phase,
    ...(failure === undefined ? {} : { reason: failure.reason, message: failure.message }),
    ...observedGeneration(pod),
    conditions: podConditions({
      ...{ pod, phase, init, app, appsBegan, sandboxReady, failure, previous, now },
      resize: input.resize,
    }),
    ...addresses(input, sandboxReady),
    startTime: previous?.startTime ?? timestamp(startTime(input)),
    ...(init.length === 0 ? {} : { initContainerStatuses: init }),
    containerStatuses: app,
    ...(ephemeral.length === 0 ? {} : { ephemeralContainerStatuses: ephemeral }),
    qosClass: input.qosClass,
  };
}

export const isTerminalPhase = (phase: string | undefined): boolean => phase === 'Succeeded' || phase === 'Failed';

/**
 * Whether the init containers of the present sandbox have done their work (kubelet: `HasAnyActiveRegularContainerStarted`).
 * Of a pod whose sandbox is gone the statuses of its app containers tell.
 */
function haveAppsBegun({ pod, observed }: StatusInput, app: readonly ContainerStatus[]): boolean {
  const sandbox = observed.sandboxes[0];
  if (sandbox !== undefined)
    return pod.spec.containers.some(({ name }) => newestIn(observed, sandbox, name) !== undefined);
  return app.some(({ state }) => state !== undefined && state.waiting === undefined);
}

/**
 * A phase that ended stays; a pod that fails as a whole has failed when nothing of it runs any more. One whose plan has
 * nothing left to do has ended, although a container may never have run: one that must not restart, and lost its sandbox.
 */
function phaseOf(
  { previous, observed, failure, isFinished }: StatusInput,
  computed: PodPhase,
  app: readonly ContainerStatus[],
): PodPhase {
  const runs = observed.containers.some(mayRun);
  if (previous?.phase === 'Succeeded' || previous?.phase === 'Failed') return previous.phase;
  if (failure !== undefined && !runs) return 'Failed';
  // A sidecar may still run when the apps are done: the pod is over when all is.
  if (isTerminalPhase(computed) && runs) return 'Running';
  return isFinished && !runs && !isTerminalPhase(computed) ? endedPhase(app) : computed;
}

function statusesOf(
  input: StatusInput,
  kind: ContainerKind,
  containers: readonly Container[],
  previous: readonly ContainerStatus[] | undefined,
): ContainerStatus[] {
  const common: Omit<ContainerStatusInput, 'container' | 'waiting' | 'isResizing' | 'previous'> = {
    kind,
    observed: input.observed,
    isTerminal: isTerminalPhase(input.previous?.phase),
    isInitialized: input.pod.spec.containers.some(({ name }) => newestContainer(input.observed, name) !== undefined),
    hasInit: (input.pod.spec.initContainers ?? []).length > 0,
    verdicts: input.verdicts,
    terminationMessage: (id) => input.terminationMessages.get(id),
  };
  return containers.map((container) =>
    containerStatus({
      ...common,
      container,
      waiting: input.waiting.get(container.name),
      isResizing: input.resize.progress?.containers.includes(container.name) ?? false,
      previous: previous?.find(({ name }) => name === container.name),
    }),
  );
}

function byName(statuses: ContainerStatus[]): ContainerStatus[] {
  return statuses.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A pod on the host network has the node's addresses. Those of a pod that has ended stay on show. */
function addresses({ pod, observed, previous, hostIps }: StatusInput, sandboxReady: boolean): PodStatus {
  const sandbox = observed.sandboxes[0];
  const ips = sandbox !== undefined && sandboxReady ? (sandbox.hostNetwork ? hostIps : sandbox.ips) : undefined;
  const podIps = ips?.map((ip) => ({ ip })) ?? (pod.spec.hostNetwork === true ? undefined : previous?.podIPs);
  return {
    ...(hostIps[0] === undefined ? {} : { hostIP: hostIps[0], hostIPs: hostIps.map((ip) => ({ ip })) }),
    ...(podIps?.[0] === undefined ? {} : { podIP: podIps[0].ip, podIPs: podIps }),
  };
}

/** When this node first saw the pod. After a restart of the daemon it is on the oldest sandbox. */
function startTime({ pod, observed, now }: StatusInput): number {
  const carriers = [...observed.sandboxes.map(({ annotations }) => annotations), pod.metadata.annotations];
  const seen = carriers.map((annotations) => Date.parse(annotations[annotation.configSeen] ?? ''));
  return Math.min(now, ...seen.filter((time) => !Number.isNaN(time)));
}

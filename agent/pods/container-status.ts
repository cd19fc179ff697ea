import type { Container, ContainerStatus } from '../objects/types.ts';
import type { RuntimeContainerStatus, RuntimePod, SandboxStatus } from '../runtime/types.ts';
import { isSidecar } from '../objects/pod-resources.ts';
import { newestContainer, newestExited, newestIn } from './observed.ts';
import type { ContainerKind } from './plan-types.ts';
import { lostExitCode } from './published.ts';

/** Why a container is not running although it should: reason and message of its waiting state. */
export interface WaitingReason {
  readonly reason: string;
  readonly message: string;
}

/** What is known of a running container beside its state. */
export interface ContainerVerdicts {
  /** Its startup probe succeeded, or it has none. */
  isStarted(containerId: string): boolean;
  /** Its readiness probe succeeds, or it has none. */
  isReady(containerId: string): boolean;
}

export interface ContainerStatusInput {
  readonly container: Container;
  readonly kind: ContainerKind;
  readonly observed: RuntimePod;
  /** The pod has init containers: what has not started waits for them. */
  readonly hasInit: boolean;
  /** App containers exist: regular init containers without a trace have ended well. */
  readonly isInitialized: boolean;
  /** The pod is over: what its containers came to stays, also when they are removed. */
  readonly isTerminal: boolean;
  /** What the last attempt to start it met, or its crash back-off. */
  readonly waiting: WaitingReason | undefined;
  /** It has not got the resources yet that it was granted last. */
  readonly isResizing: boolean;
  readonly previous: ContainerStatus | undefined;
  readonly verdicts: ContainerVerdicts;
  /** Termination message of a container that has ended, by ID. */
  readonly terminationMessage: (containerId: string) => string | undefined;
}

type ContainerState = NonNullable<ContainerStatus['state']>;

/**
 * The API's status of one container: from what the runtime has, what keeps it from running, and what was published
 * before (kubelet: `convertToAPIContainerStatuses`).
 */
export function containerStatus(input: ContainerStatusInput): ContainerStatus {
  const { container, kind, observed, previous } = input;
  const newest = newestOf(input);
  if (newest === undefined && previous !== undefined && isSettled(input)) return previous;
  const state = currentState(newest, input);
  const current = state.waiting === undefined ? newest : undefined;
  const lastEnded = newestExited(observed, container.name, current);
  const isRunning = newest?.state === 'running';
  return {
    name: container.name,
    state,
    lastState: lastEnded === undefined ? lostInstance(newest, previous) : { terminated: terminated(lastEnded, input) },
    ready: isReady(input, newest, state),
    started: isRunning && kind !== 'ephemeral' && input.verdicts.isStarted(newest.id),
    restartCount: newest?.attempt ?? newestContainer(observed, container.name)?.attempt ?? previous?.restartCount ?? 0,
    image: imageOf(newest, input),
    imageID: newest === undefined ? '' : `docker://${newest.imageId}`,
    ...(newest === undefined ? {} : { containerID: containerId(newest) }),
    ...(isRunning ? resourcesOf(input) : {}),
  };
}

/** Containers that ended may be removed at any time: what was published of them stays, until they are to start again. */
function isSettled({ previous, isTerminal, waiting }: ContainerStatusInput): boolean {
  return isTerminal || (previous?.state?.terminated !== undefined && waiting === undefined);
}

/** The runtime tells an ID only: a container is of the image that its pod had when it was first told of. */
function imageOf(newest: RuntimeContainerStatus | undefined, { container, previous }: ContainerStatusInput): string {
  const isKnown = newest !== undefined && previous?.containerID === containerId(newest);
  return isKnown ? previous.image : container.image;
}

/** In a new sandbox the init containers of the former one say nothing. */
function newestOf({ kind, container, observed }: ContainerStatusInput): RuntimeContainerStatus | undefined {
  const sandbox: SandboxStatus | undefined = observed.sandboxes[0];
  if (kind === 'init' && sandbox?.state === 'ready') return newestIn(observed, sandbox, container.name);
  return newestContainer(observed, container.name);
}

/** A regular init container is ready when it is done; an ephemeral one never is (kubelet: `prober_manager.go`). */
function isReady(
  { kind, container, verdicts }: ContainerStatusInput,
  newest: RuntimeContainerStatus | undefined,
  state: ContainerState,
): boolean {
  if (kind === 'init' && !isSidecar(container)) return state.terminated?.exitCode === 0;
  if (kind === 'ephemeral') return false;
  return newest?.state === 'running' && verdicts.isStarted(newest.id) && verdicts.isReady(newest.id);
}

/** KEP-1287: what a running container was granted, and what it has. */
function resourcesOf({ container, isResizing, previous }: ContainerStatusInput): Partial<ContainerStatus> {
  const { requests, limits } = container.resources;
  if (requests === undefined && limits === undefined) return {};
  const granted = { ...(limits === undefined ? {} : { limits }), ...(requests === undefined ? {} : { requests }) };
  return {
    ...(requests === undefined ? {} : { allocatedResources: requests }),
    resources: isResizing ? (previous?.resources ?? granted) : granted,
  };
}

const containerId = (container: RuntimeContainerStatus): string => `docker://${container.id}`;

function notYetStarted({ hasInit }: ContainerStatusInput): WaitingReason {
  return { reason: hasInit ? 'PodInitializing' : 'ContainerCreating', message: '' };
}

function currentState(newest: RuntimeContainerStatus | undefined, input: ContainerStatusInput): ContainerState {
  const { kind, container, waiting, previous, isInitialized } = input;
  if (newest?.state === 'running') return { running: { startedAt: timestamp(newest.startedAt) } };
  if (waiting !== undefined) return { waiting };
  if (newest?.state === 'exited') return { terminated: terminated(newest, input) };
  if (newest?.state === 'unknown' && previous?.state !== undefined && previous.state.waiting === undefined) {
    return { terminated: lostEnd(containerId(newest)) };
  }
  if (newest === undefined && isInitialized && kind === 'init' && !isSidecar(container))
    return { terminated: inferredEnd };
  return { waiting: notYetStarted(input) };
}

/** The end of an instance that was published and that the runtime has no trace of: somebody removed it from under the pod. */
function lostInstance(
  newest: RuntimeContainerStatus | undefined,
  previous: ContainerStatus | undefined,
): ContainerState {
  const { state, lastState = {}, containerID } = previous ?? {};
  if (containerID === undefined || (newest !== undefined && containerID === containerId(newest))) return lastState;
  if (state?.terminated !== undefined) return { terminated: state.terminated };
  return state?.running === undefined ? lastState : { terminated: lostEnd(containerID) };
}

type Terminated = NonNullable<ContainerState['terminated']>;

const lostEnd = (containerID: string): Terminated => ({
  reason: 'ContainerStatusUnknown',
  message: 'The container could not be located in the runtime',
  exitCode: lostExitCode,
  containerID,
});

/** An init container without a trace, in a pod whose app containers exist (kubelet: `convertToAPIContainerStatuses`). */
const inferredEnd: Terminated = {
  reason: 'Completed',
  message: 'The runtime does not know the container any more; as the pod is initialized, it must have ended well',
  exitCode: 0,
};

function terminated(
  container: RuntimeContainerStatus,
  { terminationMessage }: Pick<ContainerStatusInput, 'terminationMessage'>,
): Terminated {
  const message = terminationMessage(container.id) ?? container.error;
  return {
    exitCode: container.exitCode,
    reason: terminationReason(container),
    ...(message === '' ? {} : { message }),
    ...(container.startedAt === 0 ? {} : { startedAt: timestamp(container.startedAt) }),
    finishedAt: timestamp(container.finishedAt),
    containerID: containerId(container),
  };
}

function terminationReason(container: RuntimeContainerStatus): string {
  if (container.oomKilled) return 'OOMKilled';
  if (container.startedAt === 0) return 'ContainerCannotRun';
  return container.exitCode === 0 ? 'Completed' : 'Error';
}

/** RFC 3339 in whole seconds, as the API writes times: finer ones would make equal statuses look different. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

import type { Container, ContainerStatus, Pod } from '../objects/types.ts';
import type { RuntimeContainerStatus, RuntimePod } from '../runtime/types.ts';
import { newestContainer, newestExited } from './observed.ts';

/** Why a container is not running although it should: reason and message of its waiting state. */
export interface WaitingReason {
  readonly reason: string;
  readonly message: string;
}

type ContainerState = NonNullable<ContainerStatus['state']>;

/**
 * The API's status of one container: from what the runtime has, what keeps it from running, and what was published
 * before (kubelet: `convertToAPIContainerStatuses`).
 *
 * @param waiting what the last attempt to start it met, or its crash back-off
 */
export function containerStatus(
  pod: Pod,
  container: Container,
  observed: RuntimePod,
  waiting: WaitingReason | undefined,
  previous: ContainerStatus | undefined,
): ContainerStatus {
  const newest = newestContainer(observed, container.name);
  const running = newest?.state === 'running';
  const ended = newest?.state === 'exited' ? newest : undefined;
  const isWaiting = !running && (ended === undefined || waiting !== undefined);
  const lastEnded = isWaiting
    ? (ended ?? newestExited(observed, container.name))
    : newestExited(observed, container.name, newest);
  return {
    name: container.name,
    state: isWaiting ? { waiting: waiting ?? notYetStarted(pod) } : currentState(newest),
    lastState: lastEnded === undefined ? lostInstance(newest, previous) : { terminated: terminated(lastEnded) },
    ready: running,
    started: running,
    restartCount: newest?.attempt ?? previous?.restartCount ?? 0,
    image: container.image,
    imageID: newest === undefined ? '' : `docker://${newest.imageId}`,
    ...(newest === undefined ? {} : { containerID: containerId(newest) }),
  };
}

const containerId = (container: RuntimeContainerStatus): string => `docker://${container.id}`;

function notYetStarted(pod: Pod): WaitingReason {
  const hasInit = (pod.spec.initContainers?.length ?? 0) > 0;
  return { reason: hasInit ? 'PodInitializing' : 'ContainerCreating', message: '' };
}

function currentState(container: RuntimeContainerStatus | undefined): ContainerState {
  if (container === undefined) return {};
  if (container.state === 'running') return { running: { startedAt: timestamp(container.startedAt) } };
  return { terminated: terminated(container) };
}

/** A container that was published and that the runtime has no trace of: somebody removed it from under the pod. */
function lostInstance(
  newest: RuntimeContainerStatus | undefined,
  previous: ContainerStatus | undefined,
): ContainerState {
  if (newest !== undefined || previous?.containerID === undefined) return previous?.lastState ?? {};
  if (previous.state?.running === undefined) return previous.lastState ?? {};
  return {
    terminated: {
      reason: 'ContainerStatusUnknown',
      message: 'The container could not be located in the runtime',
      exitCode: 137,
      containerID: previous.containerID,
    },
  };
}

function terminated(container: RuntimeContainerStatus): NonNullable<ContainerState['terminated']> {
  return {
    exitCode: container.exitCode,
    reason: terminationReason(container),
    ...(container.error === '' ? {} : { message: container.error }),
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

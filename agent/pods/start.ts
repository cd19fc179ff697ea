import { messageOf } from '../../cni/index.ts';
import type { Pod } from '../objects/types.ts';
import type { ImageStatus } from '../runtime/types.ts';
import type { PreparedVolumes } from '../volumes/pod-volumes.ts';
import { containerConfig, needsPodIp } from './container-config.ts';
import type { WaitingReason } from './container-status.ts';
import type { PodDeps } from './deps.ts';
import { runHook } from './hooks.ts';
import type { PodActions, StartContainer } from './plan-types.ts';
import { backoffKey, containerReference } from './references.ts';
import { failAs, StartFailure } from './start-failure.ts';
import { type SandboxOfStart, sandboxFor } from './start-sandbox.ts';

/** What became of each container that was to start: undefined for one that started. */
export type StartOutcome = ReadonlyMap<string, WaitingReason | undefined>;

export interface StartInput {
  readonly pod: Pod;
  readonly actions: PodActions;
  readonly volumes: PreparedVolumes;
  /** Addresses of the sandbox that is there; empty without one. */
  readonly podIps: readonly string[];
  /** Grace period of the pod, seconds, for a container whose postStart hook fails. */
  readonly graceSeconds: number;
}

/**
 * Starts the containers of a plan, in a new sandbox when the plan asks for one. Images are looked for and containers
 * created while the sandbox comes up; they start, in the order of the spec, when its network is there. One container that
 * fails does not keep the others from starting.
 *
 * @throws when the sandbox cannot be had: then no container was started
 */
export async function startContainers(deps: PodDeps, input: StartInput, signal: AbortSignal): Promise<StartOutcome> {
  const { pod, actions } = input;
  const images = actions.startContainers.map(({ container }) =>
    failAs('ErrImagePull', () => deps.ensureImage(pod, container, signal)),
  );
  images.forEach(settleQuietly);
  const sandbox = await sandboxFor(deps, pod, actions, input.podIps, signal);
  const created = actions.startContainers.map((start, index) =>
    create(deps, input, start, sandbox, images[index] ?? Promise.reject(new Error('no image')), signal),
  );
  created.forEach(settleQuietly);
  const podIps = await sandbox.ready;
  const outcome = new Map<string, WaitingReason | undefined>();
  for (const [index, start] of actions.startContainers.entries()) {
    outcome.set(start.container.name, await startOne(deps, { ...input, podIps }, start, created[index], signal));
  }
  return outcome;
}

/** A promise that is awaited later, or never when an earlier step fails, must not count as unhandled meanwhile. */
function settleQuietly(promise: Promise<unknown>): void {
  promise.catch(() => undefined);
}

async function create(
  deps: PodDeps,
  { pod, volumes }: StartInput,
  start: StartContainer,
  sandbox: SandboxOfStart,
  imageFound: Promise<ImageStatus>,
  signal: AbortSignal,
): Promise<string> {
  const image = await imageFound;
  const podIps = needsPodIp(start.container) ? await sandbox.ready : [];
  const config = await failAs('CreateContainerConfigError', () =>
    containerConfig(deps, pod, start, image, volumes, podIps, signal),
  );
  const { container } = start;
  const id = await failAs('CreateContainerError', () => deps.runtime.createContainer(sandbox.id, config, signal));
  deps.events.event(containerReference(pod, container), 'Normal', 'Created', `Created container: ${container.name}`);
  return id;
}

async function startOne(
  deps: PodDeps,
  input: StartInput,
  start: StartContainer,
  created: Promise<string> | undefined,
  signal: AbortSignal,
): Promise<WaitingReason | undefined> {
  const { container } = start;
  const reference = containerReference(input.pod, container);
  try {
    const id = (await created) ?? '';
    if (start.lastFinishedAt !== undefined) deps.backoff.next(backoffKey(input.pod, container), start.lastFinishedAt);
    await failAs('RunContainerError', () => deps.runtime.startContainer(id, signal));
    await groupOomKill(deps, input.pod, id);
    deps.events.event(reference, 'Normal', 'Started', `Started container ${container.name}`);
    await runPostStart(deps, input, start, id, signal);
    deps.onStart?.(start.kind, undefined);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof StartFailure)) throw error;
    deps.onStart?.(start.kind, error.reason);
    // Images and hooks have events of their own.
    if (!ownEvents.has(error.reason)) deps.events.event(reference, 'Warning', 'Failed', `Error: ${error.message}`);
    return { reason: error.reason, message: error.message };
  }
}

async function groupOomKill(deps: PodDeps, pod: Pod, id: string): Promise<void> {
  try {
    await deps.podCgroups.groupOomKill(pod, id);
  } catch (error) {
    deps.log.warn({ pod: pod.metadata.name, container: id, err: error }, 'memory.oom.group cannot be set');
  }
}

/** A container whose postStart hook fails is killed; its restart policy decides what comes then. */
async function runPostStart(
  deps: PodDeps,
  { pod, podIps, graceSeconds }: StartInput,
  { container }: StartContainer,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const hook = container.lifecycle?.postStart;
  if (hook === undefined) return;
  const podIp = pod.spec.hostNetwork === true ? deps.node.hostIps()[0] : podIps[0];
  try {
    await runHook(deps, hook, { ports: container.ports, containerId: id, podIp }, undefined, signal);
  } catch (error) {
    signal.throwIfAborted();
    const reference = containerReference(pod, container);
    deps.events.event(reference, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
    deps.log.warn({ pod: pod.metadata.name, container: container.name, err: messageOf(error) }, 'postStart failed');
    deps.events.event(reference, 'Normal', 'Killing', 'FailedPostStartHook');
    await deps.runtime.stopContainer(id, graceSeconds, signal);
    throw new StartFailure('PostStartHookError', error);
  }
}

const ownEvents: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
  'PostStartHookError',
]);

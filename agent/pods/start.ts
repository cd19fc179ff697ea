import type { Pod } from '../objects/types.ts';
import type { ImageStatus, Mount, SandboxStart } from '../runtime/types.ts';
import type { WaitingReason } from './container-status.ts';
import type { PodDeps } from './deps.ts';
import type { PodActions, StartContainer } from './plan.ts';
import { backoffKey, containerReference, podReference } from './references.ts';
import { renderContainerConfig, renderSandboxConfig } from './render.ts';

/** Why a container could not be started: the reason of its waiting state and the message. */
class StartFailure extends Error {
  override readonly name = 'StartFailure';
  readonly reason: string;

  constructor(reason: string, error: unknown) {
    super(error instanceof Error ? error.message : String(error), { cause: error });
    this.reason = reason;
  }
}

export type MountsOf = (container: StartContainer['container']) => Promise<readonly Mount[]>;

/** What became of each container that was to start: undefined for one that started. */
export type StartOutcome = ReadonlyMap<string, WaitingReason | undefined>;

/**
 * Starts the containers of a plan, in a new sandbox when the plan asks for one. Images are looked for and containers
 * created while the sandbox comes up; they start, in the order of the spec, when its network is there. One container that
 * fails does not keep the others from starting.
 *
 * @throws when the sandbox cannot be had: then no container was started
 */
export async function startContainers(
  deps: PodDeps,
  pod: Pod,
  actions: PodActions,
  mountsOf: MountsOf,
  signal: AbortSignal,
): Promise<StartOutcome> {
  const images = actions.startContainers.map((start) =>
    failAs(imageReason, () => ensureImage(deps, pod, start, signal)),
  );
  images.forEach(settleQuietly);
  const sandbox = await sandboxFor(deps, pod, actions, signal);
  const created = actions.startContainers.map(async (start, index) => {
    const image = await images[index];
    return failAs(
      () => 'CreateContainerError',
      async () =>
        createContainer(deps, pod, start, sandbox.id, image?.id ?? '', await mountsOf(start.container), signal),
    );
  });
  created.forEach(settleQuietly);
  await sandboxReady(deps, pod, sandbox, signal);
  const outcome = new Map<string, WaitingReason | undefined>();
  for (const [index, start] of actions.startContainers.entries()) {
    outcome.set(start.container.name, await startOne(deps, pod, start, created[index], signal));
  }
  return outcome;
}

/** A promise that is awaited later, or never when an earlier step fails, must not count as unhandled meanwhile. */
function settleQuietly(promise: Promise<unknown>): void {
  promise.catch(() => undefined);
}

async function ensureImage(
  deps: PodDeps,
  pod: Pod,
  { container }: StartContainer,
  signal: AbortSignal,
): Promise<ImageStatus> {
  return deps.ensureImage(pod, container, signal);
}

async function sandboxFor(
  deps: PodDeps,
  pod: Pod,
  actions: PodActions,
  signal: AbortSignal,
): Promise<Pick<SandboxStart, 'id'> & Partial<SandboxStart>> {
  if (actions.sandboxId !== undefined) return { id: actions.sandboxId };
  try {
    const image = await deps.sandboxImage(signal);
    const config = renderSandboxConfig(pod, actions.createSandbox ?? 0, image, deps.cgroups());
    return await deps.runtime.runPodSandbox(config, signal);
  } catch (error) {
    throw sandboxFailure(deps, pod, error, signal);
  }
}

async function sandboxReady(
  deps: PodDeps,
  pod: Pod,
  sandbox: Partial<SandboxStart>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await sandbox.ready;
  } catch (error) {
    throw sandboxFailure(deps, pod, error, signal);
  }
}

function sandboxFailure(deps: PodDeps, pod: Pod, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return error;
  const message = `Failed to create pod sandbox: ${messageOf(error)}`;
  deps.events.event(podReference(pod), 'Warning', 'FailedCreatePodSandBox', message);
  return new Error(message, { cause: error });
}

async function createContainer(
  deps: PodDeps,
  pod: Pod,
  start: StartContainer,
  sandboxId: string,
  imageId: string,
  mounts: readonly Mount[],
  signal: AbortSignal,
): Promise<string> {
  const { container, attempt } = start;
  const config = renderContainerConfig(pod, container, {
    attempt,
    imageId,
    mounts,
    cgroups: deps.cgroups(),
    memoryCapacity: deps.node.memoryCapacity,
  });
  const id = await deps.runtime.createContainer(sandboxId, config, signal);
  deps.events.event(containerReference(pod, container), 'Normal', 'Created', `Created container: ${container.name}`);
  return id;
}

async function startOne(
  deps: PodDeps,
  pod: Pod,
  start: StartContainer,
  created: Promise<string> | undefined,
  signal: AbortSignal,
): Promise<WaitingReason | undefined> {
  const reference = containerReference(pod, start.container);
  try {
    const id = (await created) ?? '';
    if (start.lastFinishedAt !== undefined) deps.backoff.next(backoffKey(pod, start.container), start.lastFinishedAt);
    await failAs(
      () => 'RunContainerError',
      () => deps.runtime.startContainer(id, signal),
    );
    deps.events.event(reference, 'Normal', 'Started', `Started container ${start.container.name}`);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof StartFailure)) throw error;
    // Image failures have events of their own (agent/images).
    if (!imageReasons.has(error.reason)) deps.events.event(reference, 'Warning', 'Failed', `Error: ${error.message}`);
    return { reason: error.reason, message: error.message };
  }
}

const imageReasons: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
]);

/** Image errors carry the kubelet's reason themselves. */
function imageReason(error: unknown): string {
  const reason = (error as { reason?: unknown } | null)?.reason;
  return typeof reason === 'string' ? reason : 'ErrImagePull';
}

async function failAs<T>(reasonOf: (error: unknown) => string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof StartFailure ? error : new StartFailure(reasonOf(error), error);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

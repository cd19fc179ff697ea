import type { Container, Pod } from '../objects/types.ts';
import type { RuntimeContainerStatus, RuntimePod, SandboxStatus } from '../runtime/types.ts';
import { annotation, containerHash } from './annotations.ts';
import { newestContainer, newestExited, wasStarted } from './observed.ts';

/** What must happen to bring a pod from what is observed to what is desired. Empty lists: nothing to do. */
export interface PodActions {
  /**
   * The sandbox belongs to other content of the same UID (a manifest with a UID of its own was edited): the whole pod is
   * ended and removed, and planned anew after that.
   */
  readonly replace: boolean;
  /** Every container has ended for good: the sandbox goes, the containers stay for their logs and status. */
  readonly finished: boolean;
  readonly stopSandboxes: readonly SandboxStatus[];
  readonly killContainers: readonly KillContainer[];
  /** Attempt number of the sandbox to create; undefined to use {@link sandboxId}. */
  readonly createSandbox: number | undefined;
  readonly sandboxId: string | undefined;
  readonly startContainers: readonly StartContainer[];
  readonly backingOff: readonly BackingOff[];
  /** Dead containers that nothing needs any more. */
  readonly removeContainers: readonly string[];
}

export interface KillContainer {
  readonly id: string;
  readonly name: string;
  readonly message: string;
}

export interface StartContainer {
  readonly container: Container;
  readonly attempt: number;
  /** End of the previous instance, milliseconds since the epoch: the crash back-off counts from there. */
  readonly lastFinishedAt: number | undefined;
}

/** A container that may not be started again yet. */
export interface BackingOff {
  readonly container: Container;
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** The whole back-off that is being waited for. */
  readonly delayMs: number;
}

/**
 * The crash back-off of a container that ended at `finishedAt`; undefined when it may start now.
 */
export type CrashBackoff = (
  container: Container,
  finishedAt: number,
) => { readonly until: number; readonly delayMs: number } | undefined;

/**
 * Decides what to do for a pod, by the rules of the kubelet's `computePodActions` and `PodSandboxChanged`
 * (`pkg/kubelet/kuberuntime`). Reads nothing, touches nothing.
 */
export function computePodActions(pod: Pod, observed: RuntimePod, crashBackoff: CrashBackoff): PodActions {
  const sandbox = usableSandbox(pod, observed);
  const wanted = pod.spec.containers.filter((container) => shouldRun(pod, container, observed, sandbox));
  const keeps = sandbox === undefined ? [] : pod.spec.containers.filter((c) => isKept(c, observed, sandbox));
  const replace = isReplaced(pod, observed);
  const finished = wanted.length === 0 && keeps.length === 0;
  if (replace || finished) return endPod(pod, observed, replace);

  const split = splitByBackoff(wanted, observed, crashBackoff);
  const createSandbox = sandbox === undefined && split.start.length > 0;
  return {
    replace: false,
    finished: false,
    stopSandboxes: observed.sandboxes.filter((other) => other !== sandbox),
    killContainers: containersToKill(pod, observed, sandbox),
    createSandbox: createSandbox ? nextSandboxAttempt(observed) : undefined,
    sandboxId: sandbox?.id,
    startContainers: split.start,
    backingOff: split.backingOff,
    removeContainers: containersToRemove(pod, observed, split.start),
  };
}

/** The newest sandbox, unless it must be made anew: it does not run, lacks its network, or has another network mode. */
function usableSandbox(pod: Pod, observed: RuntimePod): SandboxStatus | undefined {
  const ready = observed.sandboxes.filter((sandbox) => sandbox.state === 'ready');
  const newest = observed.sandboxes[0];
  if (newest === undefined || ready.length !== 1 || ready[0] !== newest) return undefined;
  if (newest.hostNetwork !== (pod.spec.hostNetwork ?? false)) return undefined;
  return newest.hostNetwork || newest.ips.length > 0 ? newest : undefined;
}

function isReplaced(pod: Pod, observed: RuntimePod): boolean {
  const now = pod.metadata.annotations[annotation.configHash];
  const then = observed.sandboxes[0]?.annotations[annotation.configHash];
  return then !== undefined && now !== undefined && then !== now;
}

function shouldRun(pod: Pod, container: Container, observed: RuntimePod, sandbox: SandboxStatus | undefined): boolean {
  if (sandbox !== undefined && isKept(container, observed, sandbox)) return false;
  const newest = newestContainer(observed, container.name);
  if (newest === undefined || !wasStarted(newest)) return sandbox !== undefined || mayHaveNewSandbox(pod, observed);
  if (newest.state === 'running' && changed(container, newest)) return true;
  return mayRestart(pod, newest);
}

/** A pod that never restarts gets no second sandbox once one of its containers ran (kubelet: `shouldRestartOnFailure`). */
function mayHaveNewSandbox(pod: Pod, observed: RuntimePod): boolean {
  return pod.spec.restartPolicy !== 'Never' || !observed.containers.some(wasStarted);
}

/** Whether the pod's restart policy lets a container start again whose newest instance is `newest` and does not run on. */
function mayRestart(pod: Pod, newest: RuntimeContainerStatus): boolean {
  switch (pod.spec.restartPolicy) {
    case 'Always':
      return true;
    case 'OnFailure':
      return newest.state !== 'exited' || newest.exitCode !== 0;
    case 'Never':
      return false;
  }
}

function isKept(container: Container, observed: RuntimePod, sandbox: SandboxStatus): boolean {
  const newest = newestContainer(observed, container.name);
  return newest?.state === 'running' && newest.sandboxId === sandbox.id && !changed(container, newest);
}

function changed(container: Container, running: RuntimeContainerStatus): boolean {
  const hash = running.annotations[annotation.containerHash];
  return hash !== undefined && hash !== containerHash(container);
}

function endPod(pod: Pod, observed: RuntimePod, replace: boolean): PodActions {
  return {
    replace,
    finished: !replace,
    stopSandboxes: observed.sandboxes,
    killContainers: containersToKill(pod, observed, undefined),
    createSandbox: undefined,
    sandboxId: undefined,
    startContainers: [],
    backingOff: [],
    removeContainers: containersToRemove(pod, observed, []),
  };
}

/** Containers that run, or may run, without being wanted where they are. */
function containersToKill(pod: Pod, observed: RuntimePod, sandbox: SandboxStatus | undefined): KillContainer[] {
  const kills: KillContainer[] = [];
  for (const container of observed.containers) {
    if (container.state !== 'running' && container.state !== 'unknown') continue;
    const message = whyKill(pod, observed, container, sandbox);
    if (message !== undefined) kills.push({ id: container.id, name: container.name, message });
  }
  return kills;
}

function whyKill(
  pod: Pod,
  observed: RuntimePod,
  container: RuntimeContainerStatus,
  sandbox: SandboxStatus | undefined,
): string | undefined {
  const { name } = container;
  const spec = pod.spec.containers.find((wanted) => wanted.name === name);
  if (sandbox === undefined || container.sandboxId !== sandbox.id) return `Stopping container ${name}`;
  if (spec === undefined) return `Container ${name} is not in the pod's spec any more, will be stopped`;
  if (container.state === 'unknown') return `Container ${name} is in unknown state, try killing it before restart`;
  if (changed(spec, container)) return `Container ${name} definition changed, will be restarted`;
  return newestContainer(observed, name) === container ? undefined : `Container ${name} runs twice, will be stopped`;
}

function splitByBackoff(
  wanted: readonly Container[],
  observed: RuntimePod,
  crashBackoff: CrashBackoff,
): { readonly start: StartContainer[]; readonly backingOff: BackingOff[] } {
  const start: StartContainer[] = [];
  const backingOff: BackingOff[] = [];
  for (const container of wanted) {
    const lastFinishedAt = newestExited(observed, container.name)?.finishedAt;
    const wait = lastFinishedAt === undefined ? undefined : crashBackoff(container, lastFinishedAt);
    if (wait !== undefined) backingOff.push({ container, ...wait });
    else start.push({ container, attempt: nextAttempt(observed, container.name), lastFinishedAt });
  }
  return { start, backingOff };
}

function nextSandboxAttempt(observed: RuntimePod): number {
  const newest = observed.sandboxes[0];
  return newest === undefined ? 0 : newest.attempt + 1;
}

/** Restart count of the next instance. One that was created but never started is made again under its own number. */
function nextAttempt(observed: RuntimePod, name: string): number {
  const newest = newestContainer(observed, name);
  if (newest === undefined) return 0;
  return wasStarted(newest) ? newest.attempt + 1 : newest.attempt;
}

/** Keeps, of each container, what runs and the newest that ended (kubelet: one dead container each). */
function containersToRemove(pod: Pod, observed: RuntimePod, start: readonly StartContainer[]): string[] {
  const starting = new Set(start.map(({ container }) => container.name));
  const known = new Set(pod.spec.containers.map(({ name }) => name));
  return observed.containers
    .filter((container) => {
      if (container.state === 'created') return starting.has(container.name) || !known.has(container.name);
      return container.state === 'exited' && newestExited(observed, container.name) !== container;
    })
    .map(({ id }) => id);
}

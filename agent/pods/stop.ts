import { messageOf } from '../../cni/index.ts';
import type { ObjectReference } from '../events/types.ts';
import type { Container } from '../objects/types.ts';
import {
  type PodIdentity,
  type RuntimeContainerStatus,
  type RuntimePod,
  RuntimeUnavailableError,
  type SandboxStatus,
} from '../runtime/types.ts';
import { annotation } from './annotations.ts';
import type { PodDeps } from './deps.ts';
import { type HookHandler, runHook } from './hooks.ts';
import { mayRun } from './observed.ts';
import type { KillContainer } from './plan-types.ts';
import { createTerminationOrder, type TerminationOrder, terminationStages } from './termination-order.ts';

/** A container always gets this long, whatever grace is left (kubelet: `minimumGracePeriodInSeconds`). */
const minimumGraceSeconds = 2;

export interface StopContext {
  readonly pod: PodIdentity;
  /** Field path of a container, for events. */
  readonly pathOf: (container: RuntimeContainerStatus) => string;
  /** Address of the pod, for hooks. */
  readonly podIp: string | undefined;
  /** Grace period of the pod, seconds. */
  readonly graceSeconds: number;
}

/** Stops containers beside each other; each has its preStop hook run, gets its stop signal, the rest of the grace, SIGKILL. */
export async function killContainers(
  deps: PodDeps,
  context: StopContext,
  kills: readonly KillContainer[],
  signal: AbortSignal,
): Promise<void> {
  await allSettledOrThrow(kills.map((kill) => killContainer(deps, context, kill, undefined, signal)));
}

/** Stops all containers of a pod: apps first, then sidecars in reverse order, within one grace period. */
export async function killPod(
  deps: PodDeps,
  context: StopContext,
  observed: RuntimePod,
  signal: AbortSignal,
): Promise<void> {
  const running = observed.containers.filter(mayRun);
  const sidecars = running
    .filter((container) => sidecarIndex(container) !== undefined)
    .sort((a, b) => (sidecarIndex(a) ?? 0) - (sidecarIndex(b) ?? 0));
  const order = createTerminationOrder(terminationStages(names(running), names(sidecars)));
  const kills = running.map((container) => ({ container, message: `Stopping container ${container.name}` }));
  await allSettledOrThrow(kills.map((kill) => killContainer(deps, context, kill, order, signal)));
}

const names = (containers: readonly RuntimeContainerStatus[]): string[] => containers.map(({ name }) => name);

export function sidecarIndex({ annotations }: RuntimeContainerStatus): number | undefined {
  const written = annotations[annotation.sidecarIndex];
  return written === undefined ? undefined : Number(written);
}

/**
 * Ends one container. What its hook and its wait for other containers take comes off the grace period (kubelet:
 * `killContainer`).
 */
async function killContainer(
  deps: PodDeps,
  context: StopContext,
  { container, message, graceSeconds = context.graceSeconds }: KillContainer,
  order: TerminationOrder | undefined,
  signal: AbortSignal,
): Promise<void> {
  const graceMs = graceSeconds * 1000;
  const deadline = deps.clock.now() + graceMs;
  // Never more than all of it, when the clock is set back meanwhile.
  const leftMs = (): number => Math.min(graceMs, Math.max(0, deadline - deps.clock.now()));
  try {
    deps.events.event(referenceOf(context, container), 'Normal', 'Killing', message);
    if (container.state === 'running' && leftMs() > 0) await runPreStop(deps, context, container, leftMs(), signal);
    await order?.waitForTurn(container.name, leftMs(), signal);
    await deps.runtime.stopContainer(container.id, Math.max(minimumGraceSeconds, Math.ceil(leftMs() / 1000)), signal);
  } finally {
    order?.ended(container.name);
  }
}

async function runPreStop(
  deps: PodDeps,
  context: StopContext,
  container: RuntimeContainerStatus,
  limitMs: number,
  signal: AbortSignal,
): Promise<void> {
  const hook = written(container, annotation.preStopHandler) as HookHandler | undefined;
  if (hook === undefined) return;
  const { pod, podIp } = context;
  const ports = (written(container, annotation.ports) ?? []) as Container['ports'];
  try {
    await runHook(deps, hook, { ports, containerId: container.id, podIp }, limitMs, signal);
  } catch (error) {
    signal.throwIfAborted();
    const { name } = container;
    deps.events.event(referenceOf(context, container), 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
    deps.log.warn(
      { pod: pod.name, namespace: pod.namespace, container: name, err: messageOf(error) },
      'preStop failed',
    );
  }
}

/** What the container carries is what it was started with, also when its manifest is gone or says something else by now. */
function written({ annotations }: RuntimeContainerStatus, key: string): unknown {
  const text = annotations[key];
  return text === undefined ? undefined : JSON.parse(text);
}

/** Stops sandboxes: their networks are gone afterwards. */
export async function stopSandboxes(
  deps: PodDeps,
  sandboxes: readonly SandboxStatus[],
  signal: AbortSignal,
): Promise<void> {
  await allSettledOrThrow(sandboxes.map(({ id }) => deps.runtime.stopPodSandbox(id, signal)));
}

export async function removeContainers(deps: PodDeps, ids: readonly string[], signal: AbortSignal): Promise<void> {
  await allSettledOrThrow(ids.map((id) => deps.runtime.removeContainer(id, signal)));
}

/**
 * Removes what a pod left behind on its way. What cannot be removed now (a mount that is busy) does not keep the pod from
 * running: the next plan names it again.
 *
 * @returns why something stays
 */
export async function sweepRemains(
  deps: PodDeps,
  remains: { readonly sandboxes: readonly SandboxStatus[]; readonly containers: readonly string[] },
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    await allSettledOrThrow([
      ...remains.sandboxes.map(({ id }) => deps.runtime.removePodSandbox(id, signal)),
      ...remains.containers.map((id) => deps.runtime.removeContainer(id, signal)),
    ]);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RuntimeUnavailableError) throw error;
    return messageOf(error);
  }
}

function referenceOf({ pod, pathOf }: StopContext, container: RuntimeContainerStatus): ObjectReference {
  const { name, namespace, uid } = pod;
  return { kind: 'Pod', namespace, name, uid, fieldPath: pathOf(container) };
}

/** Waits for all, then throws the first failure: one that fails must not leave the others running unattended. */
export async function allSettledOrThrow(promises: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

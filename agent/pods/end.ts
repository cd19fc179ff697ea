import { rm } from 'node:fs/promises';
import { podCgroupPath, type QosClass } from '../cgroups/names.ts';
import { removeCgroup } from '../cgroups/remove.ts';
import type { ObjectReference } from '../events/types.ts';
import type { Pod } from '../objects/types.ts';
import type { PodIdentity, RuntimePod, SandboxStatus } from '../runtime/types.ts';
import { podLogDirectory } from '../runtime/docker/logs.ts';
import { annotation } from './annotations.ts';
import type { PodDeps } from './deps.ts';
import type { KillContainer } from './plan.ts';

/** The kubelet's default where nobody said otherwise. */
const defaultGraceSeconds = 30;
/** A container always gets this long, whatever grace is left (kubelet: `minimumGracePeriodInSeconds`). */
const minimumGraceSeconds = 2;

/** Stops containers beside each other; each gets SIGTERM, the grace period, SIGKILL. */
export async function killContainers(
  deps: PodDeps,
  pod: PodIdentity,
  kills: readonly KillContainer[],
  graceSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  const grace = Math.max(graceSeconds, minimumGraceSeconds);
  await allSettledOrThrow(
    kills.map(async ({ id, name, message }) => {
      deps.events.event(referenceOf(pod, name), 'Normal', 'Killing', message);
      await deps.runtime.stopContainer(id, grace, signal);
    }),
  );
}

/** Stops and removes sandboxes. Their containers stay, for their logs and status. */
export async function removeSandboxes(
  deps: PodDeps,
  sandboxes: readonly SandboxStatus[],
  signal: AbortSignal,
): Promise<void> {
  await allSettledOrThrow(
    sandboxes.map(async ({ id }) => {
      await deps.runtime.stopPodSandbox(id, signal);
      await deps.runtime.removePodSandbox(id, signal);
    }),
  );
}

export async function removeContainers(deps: PodDeps, ids: readonly string[], signal: AbortSignal): Promise<void> {
  await allSettledOrThrow(ids.map((id) => deps.runtime.removeContainer(id, signal)));
}

/**
 * Ends a pod and removes all that it had: processes, network, volumes, cgroup, logs, and last its containers, whose labels
 * tell a daemon that was killed half-way what is still to be removed. Every step may be repeated.
 *
 * @param pod the desired pod, or undefined when only the runtime still knows of it
 */
export async function endPod(
  deps: PodDeps,
  identity: PodIdentity,
  pod: Pod | undefined,
  observed: RuntimePod,
  signal: AbortSignal,
): Promise<void> {
  const running = observed.containers.filter(({ state }) => state === 'running' || state === 'unknown');
  const kills = running.map(({ id, name }) => ({ id, name, message: `Stopping container ${name}` }));
  await killContainers(deps, identity, kills, graceSeconds(pod, observed), signal);
  await allSettledOrThrow(observed.sandboxes.map(({ id }) => deps.runtime.stopPodSandbox(id, signal)));
  await deps.volumes.teardown(identity.uid, signal);
  const qos = qosOf(observed);
  if (qos !== undefined) await removeCgroup(podCgroupPath(deps.cgroups(), qos, identity.uid));
  await rm(podLogDirectory(deps.podLogsDir, identity), { recursive: true, force: true });
  await removeContainers(deps, idsOf(observed.containers), signal);
  await allSettledOrThrow(observed.sandboxes.map(({ id }) => deps.runtime.removePodSandbox(id, signal)));
}

const idsOf = (objects: readonly { readonly id: string }[]): string[] => objects.map(({ id }) => id);

/** Grace period of a pod; one without a manifest has it written on its containers. */
export function graceSeconds(pod: Pod | undefined, observed: RuntimePod): number {
  if (pod !== undefined) return pod.spec.terminationGracePeriodSeconds;
  const written = [...observed.containers, ...observed.sandboxes]
    .map(({ annotations }) => Number(annotations[annotation.terminationGracePeriod]))
    .find((seconds) => Number.isInteger(seconds) && seconds >= 0);
  return written ?? defaultGraceSeconds;
}

function qosOf(observed: RuntimePod): QosClass | undefined {
  for (const { annotations } of [...observed.sandboxes, ...observed.containers]) {
    const qos = annotations[annotation.qosClass];
    if (qos === 'Guaranteed' || qos === 'Burstable' || qos === 'BestEffort') return qos;
  }
  return undefined;
}

function referenceOf({ name, namespace, uid }: PodIdentity, container: string): ObjectReference {
  return { kind: 'Pod', namespace, name, uid, fieldPath: `spec.containers{${container}}` };
}

/** Waits for all, then throws the first failure: one that fails must not leave the others running unattended. */
async function allSettledOrThrow(promises: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

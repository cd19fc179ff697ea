import { rm } from 'node:fs/promises';
import { containerPath } from '../objects/container-path.ts';
import type { Pod } from '../objects/types.ts';
import { podLogDirectory } from '../runtime/docker/logs.ts';
import type { PodIdentity, RuntimeContainerStatus, RuntimePod } from '../runtime/types.ts';
import { annotation } from './annotations.ts';
import type { PodDeps } from './deps.ts';
import { allSettledOrThrow, killPod, removeContainers, sidecarIndex, type StopContext } from './stop.ts';

/** The kubelet's default where nobody said otherwise. */
const defaultGraceSeconds = 30;

/**
 * Ends a pod and removes all that it had: processes, network, volumes, cgroup, logs, and last its containers, whose labels
 * tell a daemon that was killed half-way what is still to be removed. Every step may be repeated.
 *
 * @param pod the desired pod, or undefined when only the runtime still knows of it
 * @param onStopped called when nothing runs any more and everything can still be looked at
 */
export async function endPod(
  deps: PodDeps,
  identity: PodIdentity,
  pod: Pod | undefined,
  observed: RuntimePod,
  signal: AbortSignal,
  onStopped: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  deps.probes.stopLivenessAndStartup(identity.uid);
  await killPod(deps, stopContext(deps, identity, pod, observed), observed, signal);
  deps.probes.remove(identity.uid);
  await onStopped();
  await allSettledOrThrow(observed.sandboxes.map(({ id }) => deps.runtime.stopPodSandbox(id, signal)));
  await releasePod(deps, identity.uid, signal);
  await rm(podLogDirectory(deps.podLogsDir, identity), { recursive: true, force: true });
  await removeContainers(deps, idsOf(observed.containers), signal);
  await allSettledOrThrow(observed.sandboxes.map(({ id }) => deps.runtime.removePodSandbox(id, signal)));
  await deps.checkpoints.remove(identity.uid);
}

/** Gives back what a pod holds that does not run any more: volumes and cgroup. Its containers' logs stay. */
export async function releasePod(deps: PodDeps, uid: string, signal: AbortSignal): Promise<void> {
  await deps.volumes.teardown(uid, signal);
  await deps.podCgroups.removePod(uid, signal);
}

const idsOf = (objects: readonly { readonly id: string }[]): string[] => objects.map(({ id }) => id);

export function stopContext(
  { node }: { readonly node: Pick<PodDeps['node'], 'hostIps'> },
  identity: PodIdentity,
  pod: Pod | undefined,
  observed: RuntimePod,
): StopContext {
  const isOnHost = observed.sandboxes[0]?.hostNetwork === true;
  const podIp = isOnHost ? node.hostIps()[0] : podIpsOf(observed)[0];
  const pathOf = (container: RuntimeContainerStatus): string => pathOfStopped(pod, container);
  return { pod: identity, podIp, pathOf, graceSeconds: graceSeconds(pod, observed) };
}

/** Without its manifest only a sidecar can be told from an app container. */
function pathOfStopped(pod: Pod | undefined, container: RuntimeContainerStatus): string {
  if (pod !== undefined) return containerPath(pod, container.name);
  const list = sidecarIndex(container) === undefined ? 'containers' : 'initContainers';
  return `spec.${list}{${container.name}}`;
}

/** Addresses of the sandbox that is ready; empty on the host network. */
export function podIpsOf(observed: RuntimePod): readonly string[] {
  const [newest] = observed.sandboxes;
  return newest?.state === 'ready' ? newest.ips : [];
}

/** Grace period of a pod: what its deletion asked for, else its own; one without a manifest has it written on its containers. */
export function graceSeconds(pod: Pod | undefined, observed: RuntimePod): number {
  if (pod !== undefined) return pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds;
  const written = [...observed.containers, ...observed.sandboxes]
    .map(({ annotations }) => Number(annotations[annotation.terminationGracePeriod]))
    .find((seconds) => Number.isInteger(seconds) && seconds >= 0);
  return written ?? defaultGraceSeconds;
}

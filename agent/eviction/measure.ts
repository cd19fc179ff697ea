import type { Pod } from '../objects/types.ts';
import type { PodUsage } from '../stats/index.ts';
import type { EvictionDeps } from './deps.ts';
import type { Usages } from './rank.ts';
import { type Signal, signals, type StarvedResource } from './signals.ts';

/** A pod with more files than can be counted in this time counts as one whose usage is not known: it goes first. */
const walkTimeoutMs = 30_000;

/** What pods use of the resource behind a signal. A pod that cannot be measured is not in it. */
export async function measurePods(
  deps: EvictionDeps,
  pods: readonly Pod[],
  starved: Signal,
  signal: AbortSignal,
): Promise<Usages> {
  const usages = new Map<string, PodUsage>();
  for (const pod of pods) {
    const usage = await measurePod(deps, pod, signals[starved].resource, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      const { name, namespace } = pod.metadata;
      deps.log.debug({ pod: name, namespace, err: error }, 'cannot measure what a pod uses');
    });
    if (usage !== undefined) usages.set(pod.metadata.uid, usage);
  }
  return usages;
}

function measurePod(
  { podStats }: EvictionDeps,
  pod: Pod,
  resource: StarvedResource,
  signal: AbortSignal,
): Promise<PodUsage> {
  switch (resource) {
    case 'memory':
      return podStats.memory(pod);
    case 'pids':
      return podStats.processes(pod);
    case 'ephemeral-storage':
    case 'inodes':
      return podStats.disk(pod, true, AbortSignal.any([signal, AbortSignal.timeout(walkTimeoutMs)]));
  }
}

/** The usage as the message of an eviction tells it: of memory also that of each container. */
export async function detailedUsage(
  { podStats, runningContainers }: EvictionDeps,
  pod: Pod,
  resource: StarvedResource,
  usages: Usages,
): Promise<PodUsage | undefined> {
  const { uid } = pod.metadata;
  return resource === 'memory' ? podStats.memoryOfContainers(pod, runningContainers(uid)) : usages.get(uid);
}

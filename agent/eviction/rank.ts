import { podRequests } from '../objects/pod-resources.ts';
import { amountOf } from '../objects/resource-list.ts';
import type { Pod } from '../objects/types.ts';
import type { DiskUsage, PodUsage } from '../stats/index.ts';
import { type Signal, signals } from './signals.ts';

/** Usage of pods by UID. */
export type Usages = ReadonlyMap<string, PodUsage>;

/**
 * Pods in the order in which they are evicted for a signal (`rankMemoryPressure`, `rankDiskPressureFunc`, `rankPIDPressure`,
 * pkg/kubelet/eviction/helpers.go): first those that use more than they request, of these the ones of lowest priority, of
 * these the greatest users. A pod whose usage is not known goes first. Requests do not count for processes. The UID decides
 * at last, so that the order never depends on that of the input.
 *
 * @param imageFsIsOwn images and writable layers are not on the node's own file system
 */
export function rankPods(pods: readonly Pod[], signal: Signal, usages: Usages, imageFsIsOwn: boolean): readonly Pod[] {
  const ranked = pods.map((pod) => ({ pod, key: rankKey(pod, signal, usages.get(pod.metadata.uid), imageFsIsOwn) }));
  return ranked.sort((a, b) => compareKeys(a.key, b.key) || compareUids(a.pod, b.pod)).map(({ pod }) => pod);
}

/** Numbers to be compared one after the other; the smaller ones go first. */
function rankKey(pod: Pod, signal: Signal, usage: PodUsage | undefined, imageFsIsOwn: boolean): readonly number[] {
  const { resource } = signals[signal];
  const priority = pod.spec.priority ?? 0;
  const used = usage === undefined ? undefined : usedOf(usage, signal, imageFsIsOwn);
  if (resource === 'pids') return [priority, -(used ?? Infinity)];
  const above = (used ?? Infinity) - amountOf(podRequests(pod), resource);
  return [used === undefined ? 0 : above > 0 ? 1 : 2, priority, -above];
}

/** What a pod uses of the resource behind a signal. */
function usedOf(usage: PodUsage, signal: Signal, imageFsIsOwn: boolean): number | undefined {
  switch (signals[signal].resource) {
    case 'memory':
      return usage.memoryBytes;
    case 'pids':
      return usage.processes;
    case 'ephemeral-storage':
      return usage.volumes && sum(diskParts(usage, usage.volumes, signal, imageFsIsOwn).map(({ bytes }) => bytes));
    case 'inodes':
      return usage.volumes && sum(diskParts(usage, usage.volumes, signal, imageFsIsOwn).map(({ inodes }) => inodes));
  }
}

/** Writable layers are on the images' file system, the rest on the node's. */
function diskParts(
  { containers }: PodUsage,
  volumes: ReadonlyMap<string, DiskUsage>,
  signal: Signal,
  imageFsIsOwn: boolean,
): readonly DiskUsage[] {
  const layers = [...containers.values()].map(({ layer }) => layer);
  const rest = [...[...containers.values()].map(({ logs }) => logs), ...volumes.values()];
  if (!imageFsIsOwn) return [...layers, ...rest];
  return signal.startsWith('imagefs.') ? layers : rest;
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, at) => value !== b[at]);
  return index === -1 ? 0 : Math.sign((a[index] ?? 0) - (b[index] ?? 0));
}

function compareUids({ metadata: a }: Pod, { metadata: b }: Pod): number {
  return a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

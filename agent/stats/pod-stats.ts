import { join } from 'node:path';
import type { CgroupSettings } from '../cgroups/names.ts';
import { podCgroupPath } from '../cgroups/names.ts';
import { qosClass } from '../objects/qos.ts';
import type { Pod } from '../objects/types.ts';
import { podLogDirectory } from '../runtime/docker/logs.ts';
import { emptyDirUsage } from '../volumes/usage.ts';
import type { CgroupReader } from './cgroup-reader.ts';
import { logUsage } from './log-usage.ts';
import type { ContainerUsage, DiskUsage, PodUsage } from './types.ts';
import type { WritableLayers } from './writable-layers.ts';

export interface PodStatsDeps {
  readonly cgroups: CgroupReader;
  readonly cgroupSettings: () => CgroupSettings;
  readonly layers: WritableLayers;
  readonly podDir: (uid: string) => string;
  readonly podLogsDir: string;
}

/** Measures a pod, one kind of resource at a time. A pod that has nothing yet uses nothing. */
export interface PodStats {
  /** Working set of the pod. */
  memory(pod: Pod): Promise<PodUsage>;
  /** Working sets of the pod and of each of these containers, by name their IDs. */
  memoryOfContainers(pod: Pod, ids: ReadonlyMap<string, string>): Promise<PodUsage>;
  processes(pod: Pod): Promise<PodUsage>;
  /**
   * What the pod has on disk: emptyDirs, logs, and writable layers when `withLayers`, for which Docker has to walk through
   * them.
   */
  disk(pod: Pod, withLayers: boolean, signal: AbortSignal): Promise<PodUsage>;
}

const nothing: PodUsage = { memoryBytes: undefined, processes: undefined, volumes: undefined, containers: new Map() };
const noDisk: DiskUsage = { bytes: 0, inodes: 0 };

export function createPodStats(deps: PodStatsDeps): PodStats {
  const pathOf = (pod: Pod): string => podCgroupPath(deps.cgroupSettings(), qosClass(pod), pod.metadata.uid);
  const memory = async (pod: Pod): Promise<PodUsage> => {
    const stats = await deps.cgroups.memory(pathOf(pod));
    return { ...nothing, memoryBytes: stats?.workingSetBytes };
  };
  return {
    memory,
    memoryOfContainers: async (pod, ids) => {
      const { driver } = deps.cgroupSettings();
      const entries = [...ids].map(async ([name, id]): Promise<[string, ContainerUsage]> => {
        const directory = driver === 'systemd' ? `docker-${id}.scope` : id;
        const stats = await deps.cgroups.memory(join(pathOf(pod), directory));
        return [name, { layer: noDisk, logs: noDisk, memoryBytes: stats?.workingSetBytes }];
      });
      return { ...(await memory(pod)), containers: new Map(await Promise.all(entries)) };
    },
    processes: async (pod) => ({ ...nothing, processes: await deps.cgroups.processes(pathOf(pod)) }),
    disk: async (pod, withLayers, signal) => ({
      ...nothing,
      volumes: await volumeUsages(deps, pod, signal),
      containers: await containerUsages(deps, pod, withLayers, signal),
    }),
  };
}

/** An emptyDir is on disk unless it is in memory, where the kernel keeps it within its limit. */
export function emptyDirsOnDisk(pod: Pod): readonly string[] {
  return pod.spec.volumes.flatMap(({ name, emptyDir }) => (emptyDir && !emptyDir.medium ? [name] : []));
}

/** One after the other: a walk is work for the disk. */
async function volumeUsages(
  { podDir }: PodStatsDeps,
  pod: Pod,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, DiskUsage>> {
  const usages = new Map<string, DiskUsage>();
  for (const name of emptyDirsOnDisk(pod)) {
    usages.set(name, await emptyDirUsage(podDir(pod.metadata.uid), name, signal));
  }
  return usages;
}

async function containerUsages(
  { layers, podLogsDir }: PodStatsDeps,
  { metadata, spec }: Pod,
  withLayers: boolean,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ContainerUsage>> {
  const sizes = withLayers ? await layers(metadata.uid, signal) : new Map<string, number>();
  const logs = podLogDirectory(podLogsDir, metadata);
  const usages = new Map<string, ContainerUsage>();
  for (const { name } of [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])]) {
    const layer = { bytes: sizes.get(name) ?? 0, inodes: 0 };
    usages.set(name, { layer, logs: await logUsage(join(logs, name), signal), memoryBytes: undefined });
  }
  return usages;
}

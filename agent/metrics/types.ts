import type { MemorySample } from '../cgroups/memory-parse.ts';
import type { ListedContainer } from './containers.ts';
import type { Pod, PodStatus } from '../objects/types.ts';
import type { DiskUsage, FileSystemStats } from '../stats/index.ts';
import type { NetDevice } from './net-dev.ts';

/** CPU time since the cgroup was made, and what the bandwidth controller did. */
export interface CpuDetails {
  readonly userNanos: number;
  readonly systemNanos: number;
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNanos: number;
}

/** What `/metrics/cadvisor` tells beyond {@link CgroupSample}. */
export interface CgroupDetails {
  readonly cpu: CpuDetails | undefined;
  readonly swap: number | undefined;
  /** Largest use so far, bytes. */
  readonly peak: number | undefined;
  /** How often the use met the limit. */
  readonly limitHits: number | undefined;
  readonly oomKills: number | undefined;
  readonly threads: number | undefined;
  readonly cpuShares: number | undefined;
  /** Microseconds. */
  readonly cpuPeriod: number | undefined;
  /** Microseconds; undefined: no limit. */
  readonly cpuQuota: number | undefined;
}

/** One cgroup at one moment. A part whose controller is not on is undefined. */
export interface CgroupSample {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** CPU time since the cgroup was made, billionths of a second. */
  readonly cpuNanos: number | undefined;
  readonly memory: MemorySample | undefined;
  /** Of the last two samples that lie far enough from each other: billionths of a core. */
  readonly nanoCores: number | undefined;
  readonly details: CgroupDetails | undefined;
}

/** A pod as its worker knows it. */
export interface KnownPod {
  readonly pod: Pod;
  readonly status: PodStatus | undefined;
}

export interface ContainerObservation {
  readonly listed: ListedContainer;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Path of its cgroup below a mount point, with a leading slash. */
  readonly path: string;
  readonly cgroup: CgroupSample;
  /** Processes; undefined when nobody asked. */
  readonly processes: number | undefined;
}

export interface PodObservation {
  readonly pod: Pod;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly path: string;
  readonly cgroup: CgroupSample;
  /** The sandbox that runs, when somebody asked for it. */
  readonly sandbox: ContainerObservation | undefined;
  /** Those that run. */
  readonly containers: readonly ContainerObservation[];
  /** Undefined on the host network, or when nobody asked. */
  readonly network: readonly NetDevice[] | undefined;
}

export interface SystemObservation {
  readonly name: 'kubelet' | 'runtime' | 'pods';
  readonly path: string;
  readonly cgroup: CgroupSample;
}

export interface NodeObservation {
  /** Boot of the machine, milliseconds since the epoch. */
  readonly bootedAt: number;
  /** The root cgroup. */
  readonly cgroup: CgroupSample;
  /** Bytes. */
  readonly memoryCapacity: number;
  readonly cores: number;
  readonly systems: readonly SystemObservation[];
  readonly network: readonly NetDevice[];
  /** The device of the default route. */
  readonly defaultDevice: string | undefined;
}

/** The node and its pods at one moment. */
export interface Observation {
  readonly node: NodeObservation;
  readonly pods: readonly PodObservation[];
  readonly listed: readonly ListedContainer[];
}

/** The file system of a volume that a claim stands for. */
export interface ClaimDisk {
  /** Name of the volume in the pod. */
  readonly volume: string;
  readonly claim: string;
  readonly fs: FileSystemStats;
}

/** What a pod has on disk. */
export interface PodDisk {
  readonly claims: readonly ClaimDisk[];
  /** EmptyDirs, by the name of the volume. */
  readonly volumes: ReadonlyMap<string, DiskUsage>;
  /** By container name. */
  readonly logs: ReadonlyMap<string, DiskUsage>;
}

/** The disks at one moment. */
export interface DiskObservation {
  /** When it was measured, milliseconds since the epoch. */
  readonly time: number;
  readonly nodeFs: FileSystemStats | undefined;
  readonly imageFs: FileSystemStats | undefined;
  /** Bytes of all images together. */
  readonly imageBytes: number | undefined;
  /** Bytes of writable layers, by container ID. */
  readonly layers: ReadonlyMap<string, number>;
  /** By pod UID. */
  readonly pods: ReadonlyMap<string, PodDisk>;
  readonly processes: { readonly running: number; readonly max: number } | undefined;
}

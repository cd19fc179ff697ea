import type { DiskUsage } from '../volumes/usage.ts';

export type { DiskUsage };

/** What there is of something, and what is left of it. */
export interface Amount {
  readonly available: number;
  readonly capacity: number;
}

export interface FileSystemStats {
  /** `st_dev`: two directories with the same number are on one file system. */
  readonly device: number;
  readonly bytes: Amount;
  /** Undefined where the file system makes inodes as it needs them (btrfs). */
  readonly inodes: Amount | undefined;
}

/** The node at one moment. What could not be measured is undefined. */
export interface NodeStats {
  readonly memory: Amount | undefined;
  /** What the cgroup of all pods may use, when it is limited. */
  readonly podsMemory: Amount | undefined;
  /** The file system of the root directory: emptyDirs and, as a rule, all else. */
  readonly nodeFs: FileSystemStats | undefined;
  /** The file system of images and writable layers. */
  readonly imageFs: FileSystemStats | undefined;
  /** Process IDs: processes and threads. */
  readonly pids: Amount | undefined;
}

export interface ContainerUsage {
  /** The writable layer. Docker does not count its inodes: 0. */
  readonly layer: DiskUsage;
  readonly logs: DiskUsage;
  /** Working set, bytes. */
  readonly memoryBytes: number | undefined;
}

/** What a pod takes up. Only what somebody asked for has been measured. */
export interface PodUsage {
  /** Working set, bytes. */
  readonly memoryBytes: number | undefined;
  readonly processes: number | undefined;
  /** EmptyDirs on disk, by the name of the volume; undefined when the disk was not looked at. */
  readonly volumes: ReadonlyMap<string, DiskUsage> | undefined;
  /** By name. */
  readonly containers: ReadonlyMap<string, ContainerUsage>;
}

export { createCgroupReader, type CgroupReader } from './cgroup-reader.ts';
export { fileSystemStats, nodeStats } from './node-stats.ts';
export { createPodStats, emptyDirsOnDisk, type PodStats } from './pod-stats.ts';
export type { Amount, ContainerUsage, DiskUsage, FileSystemStats, NodeStats, PodUsage } from './types.ts';
export { dockerWritableLayers } from './writable-layers.ts';

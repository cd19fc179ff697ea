export { createCluster, type Cluster, type ClusterOptions } from './cluster.ts';
export { createHost, type TestHost } from './host.ts';
export type { DaemonHandle } from './daemon.ts';
export { loadImageArchive, loadImages } from './images.ts';
export { startRegistry, type Registry } from './registry.ts';
export type { CommandResult } from './run-in.ts';
export { findPod, isReady, type PodReport } from './status.ts';
export { sweepDeadRuns } from './teardown.ts';
export { until } from './wait.ts';

export { createHost, type CommandResult, type DaemonOptions, type HostOptions, type TestHost } from './host.ts';
export type { DaemonHandle, ProcessExit } from './daemon.ts';
export { loadImageArchive, loadImages, testImages, type TestImage } from './images.ts';
export { findPod, isReady, type PodReport, type StatusReport } from './status.ts';
export { sweepDeadRuns } from './teardown.ts';
export { until } from './wait.ts';
export { startRegistry, type Registry, type RegistryOptions } from './registry.ts';

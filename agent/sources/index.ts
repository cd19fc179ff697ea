export type { ObjectStore, SourcedPod, SourceProblem, SourceSnapshot } from './types.ts';
export { createObjectStore } from './store.ts';
export { watchManifests, type ManifestOptions } from './manifest-directory.ts';
export type { SourceLog } from './log.ts';

export type { ObjectStore, SourcedPod, SourceSnapshot } from './types.ts';
export { createObjectStore } from './store.ts';
export { watchManifests } from './manifest-directory.ts';

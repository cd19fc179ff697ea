export type { ObjectStore, SourcedPod, SourceSnapshot } from './types.ts';
export { createObjectStore } from './store.ts';
export { watchManifests } from './manifest-directory.ts';
export { API_SOURCE } from './api-pod.ts';
export { FILE_SOURCE } from './sourced.ts';

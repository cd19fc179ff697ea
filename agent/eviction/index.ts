export { removeDead } from './dead-containers.ts';
export { createEvictionManager, type EvictionManager } from './manager.ts';
export { evictionSettings } from './settings.ts';
export { evictableAnnotation } from './spared.ts';
export type { NodeCondition } from './conditions.ts';

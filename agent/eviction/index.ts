export type { NodeCondition } from './conditions.ts';
export { removeDead } from './dead-containers.ts';
export type { EvictionDeps } from './deps.ts';
export { createEvictionManager, type EvictionManager } from './manager.ts';
export { type EvictionSettings, evictionSettings } from './settings.ts';
export { evictableAnnotation, isSpared } from './spared.ts';
export { parseThresholds } from './thresholds.ts';

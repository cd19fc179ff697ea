export { createLogind, hasOwnDelay } from './logind.ts';
export { delayPath } from './logind-render.ts';
export { createNodeShutdown, type NodeShutdown } from './manager.ts';
export { returnsAfterShutdown, shutdownPeriods } from './plan.ts';

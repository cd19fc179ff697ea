export { allocate, type Allocation } from './allocate.ts';
export { endpointSlicesOf } from './endpoint-slices.ts';
export { createKeptFile } from './kept.ts';
export { mirrorEndpoints } from './mirror.ts';
export { standaloneSlices } from './standalone.ts';
export { type KeptServices, type ServiceRanges } from './types.ts';
export { createServiceController, type ServiceController, withServices } from './controller.ts';

export { allocate, type Allocation } from './allocate.ts';
export { endpointSlicesOf } from './endpoint-slices.ts';
export { createKeptFile, type KeptFile } from './kept.ts';
export { mirrorEndpoints } from './mirror.ts';
export { servicePodOf } from './pod.ts';
export { standaloneSlices, type StandaloneInput } from './standalone.ts';
export {
  type KeptService,
  type KeptServices,
  type ServicePod,
  type ServiceProblem,
  type ServiceRanges,
} from './types.ts';
export { createServiceController, type ServiceController, withServices } from './controller.ts';

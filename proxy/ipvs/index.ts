export { createIpvsBackend } from './backend.ts';
export type { Scheduler } from './plan.ts';
export { ipvsProblem } from './support.ts';
export { heldOfPort, readHeldServers } from './held.ts';
export { traceIpvs } from './trace.ts';

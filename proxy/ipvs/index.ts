export { createIpvsBackend } from './backend.ts';
export { virtualServersOf } from './plan.ts';
export type { Scheduler } from './plan.ts';
export { ipvsProblem } from './support.ts';

export { createProbeManager } from './manager.ts';
export type { ProbedContainer, ProbeManager } from './types.ts';

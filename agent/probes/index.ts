export { createProbeManager, type ProbeDeps } from './manager.ts';
export type { ProbedContainer, ProbeFailure, ProbeKind, ProbeManager, ProbeResult } from './types.ts';

export { createPodDialer } from './pod-dialer.ts';
export { createKubeletServer } from './server.ts';
export { serverSettings } from './settings-plan.ts';
export type { KubeletServerDeps } from './types.ts';

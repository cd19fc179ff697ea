export { createPodDialer, type PodDialers } from './pod-dialer.ts';
export { createKubeletServer, type KubeletServer } from './server.ts';
export { type KubeletServerSettings, serverSettings } from './settings-plan.ts';
export type {
  KubeletServerDeps,
  Metrics,
  MetricsKind,
  PodDialer,
  StreamChoice,
  Streaming,
  StreamLimits,
} from './types.ts';

export { createProxy } from './proxy.ts';
export type { NodeChanges, Proxy, ProxyOptions } from './proxy-types.ts';
export { removeServiceRules } from './proxy-backends.ts';
export type { NodeAddresses, ProxyConfig } from './proxy-settings.ts';
export { PROXY_MODES, ProxyModeError, type ModeChoice, type ProxyMode } from './mode.ts';
export type { ProxyClock } from './clock.ts';
export type { ProxyLog } from './log.ts';
export type { HealthStatus } from './health/index.ts';
export type { PlanChanges, ProxyPlans, ServiceInput, SliceInput } from './services/index.ts';
export { heldFor, tracePlan } from './trace/index.ts';
export type { Packet, SourceKind, Trace, TracedEndpoint } from './trace/types.ts';
export { formatServicePortName } from './types.ts';
export type {
  Endpoint,
  Family,
  LocalDetector,
  Protocol,
  ProxyPlan,
  ProxySettings,
  ServicePortName,
  ServicePortPlan,
} from './types.ts';

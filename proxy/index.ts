export { createProxy } from './proxy.ts';
export type { Proxy } from './proxy-types.ts';
export { removeServiceRules } from './proxy-backends.ts';
export { type ModeChoice, type ProxyMode } from './mode.ts';
export type { PlanChanges, ProxyPlans } from './services/index.ts';
export { tracePlan } from './trace/index.ts';
export type { Packet, Trace, TracedEndpoint } from './trace/types.ts';
export { formatServicePortName } from './types.ts';
export type { Family, LocalDetector, Protocol, ProxyPlan, ServicePortPlan } from './types.ts';
export {
  heldOfAll,
  heldOfPort,
  indexHeld,
  readHeld,
  type HeldComparison,
  type HeldContent,
  type HeldIndex,
} from './held/index.ts';

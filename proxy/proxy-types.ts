import type { Exec } from '../cni/index.ts';
import type { ProxyClock } from './clock.ts';
import type { HealthStatus } from './health/index.ts';
import type { ProxyLog } from './log.ts';
import type { IpvsSettings, ModeSupport } from './mode-facts.ts';
import type { ModeChoice, ProxyMode } from './mode.ts';
import type { SyncPeriods } from './proxy-family.ts';
import type { NodeAddresses, ProxyConfig } from './proxy-settings.ts';
import type { PlanChanges, ProxyPlans } from './services/index.ts';
import type { SysctlAccess } from './sysctls.ts';

export interface ProxyOptions extends SyncPeriods {
  readonly exec: Exec;
  readonly mode: ProxyMode | 'auto';
  readonly nodeName: string;
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly nodeAddresses: NodeAddresses;
  readonly config: ProxyConfig;
  /** Default: rr, without strict ARP. */
  readonly ipvs?: IpvsSettings;
  /** `IP:PORT` of `/healthz` and `/livez`; empty for none. */
  readonly healthzAddress: string;
  /** `IP:PORT` of `/metrics` and `/proxyMode`; empty for none. */
  readonly metricsAddress: string;
  readonly clock: ProxyClock;
  readonly log: ProxyLog;
  /** Default: those of this version. */
  readonly backends?: Readonly<Record<ProxyMode, ModeSupport>>;
  /** Default: the kernel's. */
  readonly sysctls?: SysctlAccess;
}

/** What may change of the node while the proxy runs. */
export interface NodeChanges {
  readonly labels?: Readonly<Record<string, string>>;
  readonly addresses?: NodeAddresses;
  /** What the cluster gave to the pods of this node. */
  readonly podCidrs?: readonly string[];
  /** False when the node is being deleted or removed by the cluster autoscaler: load balancers then send elsewhere. */
  readonly eligible?: boolean;
}

/** Makes Services work on this node. */
export interface Proxy {
  /** Folds in what changed; only what is told of counts, however often. The kernel follows soon. */
  update(changes: PlanChanges): void;
  updateNode(changes: NodeChanges): void;
  /** All sources have told all that they have. No rule is written before, so that a start takes none away. */
  synced(): void;
  /**
   * Chooses the mode and begins. The signal ends it; rules stay in the kernel, and connections with them.
   *
   * @throws ProxyModeError when the mode cannot work here
   */
  start(signal: AbortSignal): Promise<ModeChoice>;
  /** Resolves when all that was started has ended. */
  ended(): Promise<void>;
  /** Has all rules written anew. */
  requestFullSync(): void;
  /** What should be reachable. */
  plans(): ProxyPlans;
  health(): HealthStatus;
  /** The kernel is at the plans. */
  isSettled(): boolean;
}

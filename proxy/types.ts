/**
 * What `proxy/` decides and what its backends render. Nothing in here reads or touches anything. The words are kube-proxy's
 * (`pkg/proxy`).
 */

export type Protocol = 'TCP' | 'UDP' | 'SCTP';
export type Family = 4 | 6;

/** Name of one port of a Service: `namespace/name:port`, without the last part for a port that has no name. */
export interface ServicePortName {
  readonly namespace: string;
  readonly name: string;
  /** Empty for the only port of a Service. */
  readonly port: string;
}

/** Where a connection can be sent. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
  /** It is on this node. */
  readonly isLocal: boolean;
  /** It takes new connections: ready and not terminating, or published in any case (`publishNotReadyAddresses`). */
  readonly ready: boolean;
  /** It still answers, also while it terminates. */
  readonly serving: boolean;
  readonly terminating: boolean;
}

/**
 * One port of one Service in one address family, with the endpoints that each kind of traffic may use. This is all that a
 * backend needs to know of it.
 */
export interface ServicePortPlan {
  readonly name: ServicePortName;
  readonly protocol: Protocol;
  readonly family: Family;
  readonly clusterIp: string;
  readonly port: number;
  /** 0 for none. */
  readonly nodePort: number;
  /** 0 for none: HTTP port that tells a load balancer whether this node has endpoints. */
  readonly healthCheckNodePort: number;
  readonly externalIps: readonly string[];
  /** Addresses of load balancers whose traffic is not proxied on its way (`ipMode` VIP). */
  readonly loadBalancerIps: readonly string[];
  /** CIDRs that may use the load balancer's addresses; empty for everybody. */
  readonly sourceRanges: readonly string[];
  /** `sessionAffinity: ClientIP` and its timeout; undefined without. */
  readonly affinitySeconds: number | undefined;
  readonly internalPolicyLocal: boolean;
  readonly externalPolicyLocal: boolean;
  /** For traffic by the policy Cluster: after readiness, termination and topology (`CategorizeEndpoints`). */
  readonly clusterEndpoints: readonly Endpoint[];
  /** For traffic by the policy Local. */
  readonly localEndpoints: readonly Endpoint[];
  /** All of both, once each: those that rules must exist for. */
  readonly allEndpoints: readonly Endpoint[];
  /**
   * UDP and SCTP only: those that still serve, but that no rule sends new flows to, because they terminate or others are
   * preferred. Flows that lead to them stay. Absent for none.
   */
  readonly formerEndpoints?: readonly Endpoint[];
  /** There are endpoints somewhere, reachable from here by some policy or not: decides between reject and drop. */
  readonly hasAnyEndpoints: boolean;
}

/** How traffic of local pods is told from other traffic (kube-proxy: `detectLocalMode`). */
export type LocalDetector =
  | { readonly mode: 'ClusterCIDR' | 'NodeCIDR'; readonly cidr: string }
  | { readonly mode: 'BridgeInterface'; readonly bridge: string }
  | { readonly mode: 'InterfaceNamePrefix'; readonly prefix: string }
  /** Not known: nothing counts as local. */
  | { readonly mode: 'None' };

/** What is the same for all Services of one address family. */
export interface ProxySettings {
  readonly family: Family;
  readonly localDetector: LocalDetector;
  /** Every connection to a cluster IP is masqueraded. */
  readonly masqueradeAll: boolean;
  /** Bit of the packet mark that asks for masquerading, 0 to 31; kube-proxy's is 14. */
  readonly masqueradeBit: number;
  /** CIDRs of the node's addresses that answer on node ports; undefined for all addresses. */
  readonly nodePortCidrs: readonly string[] | undefined;
  /** Addresses of the node in this family that node ports answer on, already matched against {@link nodePortCidrs}. */
  readonly nodeIps: readonly string[];
  /** iptables mode only: node ports answer on 127.0.0.1 too (needs `route_localnet`). */
  readonly localhostNodePorts: boolean;
}

/** The whole desired state of one address family. Services are sorted by name, endpoints by their text `ip:port`. */
export interface ProxyPlan {
  readonly settings: ProxySettings;
  readonly services: readonly ServicePortPlan[];
}

/** `namespace/name:port`, or `namespace/name` without a port name: as kube-proxy hashes and logs it. */
export function formatServicePortName({ namespace, name, port }: ServicePortName): string {
  return port === '' ? `${namespace}/${name}` : `${namespace}/${name}:${port}`;
}

/** What one sync did. */
export interface SyncReport {
  /** Everything was written anew, not only what changed. */
  readonly full: boolean;
  /** Rules, elements or virtual servers written. */
  readonly written: number;
  /** iptables only: rules of each table, those in the kernel now and those that this sync wrote. */
  readonly iptablesRules?: Readonly<Record<string, { readonly total: number; readonly written: number }>>;
}

/**
 * One kernel mechanism for one address family. A backend owns what it makes in the kernel, and nothing else. It keeps what it
 * last wrote, so that a sync writes only what changed since; after a failure, or when `full` is asked for, it writes all.
 */
export interface ProxyBackend {
  /** Brings the kernel to the plan, in a constant number of processes. May be repeated. Rejects when the kernel refused. */
  sync(plan: ProxyPlan, full: boolean, signal: AbortSignal): Promise<SyncReport>;
  /** Whether what was written is still there: false when somebody flushed the firewall. Cheap. */
  isIntact(signal: AbortSignal): Promise<boolean>;
  /**
   * Ends what only time ends: real servers of IPVS that drain, chains of nftables that nothing leads to any more. Called
   * each `syncPeriodMs` without a change, not during a sync; absent where nothing waits.
   */
  tend?(signal: AbortSignal): Promise<void>;
  /** Removes everything that this backend makes, also what an earlier daemon left. */
  cleanup(signal: AbortSignal): Promise<void>;
}

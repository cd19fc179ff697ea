import { containsAddress, formatNetwork, parseCidr, parseIp } from '../../cni/index.ts';
import type { Endpoint, ProxyPlan, ProxySettings, ServicePortPlan } from '../types.ts';
import { formatSocket, NODE_PORT_SETS, PROTOCOL_OPTIONS, type SetKind } from './names.ts';
import { emptySets, type IpvsState, type VirtualServer } from './state.ts';

/** How a virtual server chooses (Linux: `net/netfilter/ipvs/ip_vs_*.c`). */
export type Scheduler = 'rr' | 'wrr' | 'lc' | 'wlc' | 'dh' | 'sh' | 'sed' | 'nq' | 'mh';

/** What is the same for all ports. */
export interface PlanContext {
  readonly settings: ProxySettings;
  readonly scheduler: Scheduler;
  /** Addresses of this family that other links than ours have: they are not put on ours. */
  readonly otherAddresses: ReadonlySet<string>;
}

/** What one port adds. */
export interface Share {
  readonly servers: readonly VirtualServer[];
  readonly entries: readonly (readonly [SetKind, string])[];
  readonly addresses: readonly string[];
}

/** Puts the shares of all ports together. Of two ports that claim the same address and port the first one has it. */
export function desiredState({ services }: ProxyPlan, shareOf: (plan: ServicePortPlan) => Share): IpvsState {
  const servers = new Map<string, VirtualServer>();
  const sets = emptySets();
  const addresses = new Set<string>();
  for (const service of services) {
    const share = shareOf(service);
    for (const server of share.servers) {
      if (!servers.has(server.service)) servers.set(server.service, server);
    }
    for (const [kind, entry] of share.entries) sets.get(kind)?.add(entry);
    for (const address of share.addresses) addresses.add(address);
  }
  sets.set('KUBE-IPVS-IPS', addresses);
  return { servers, sets, addresses };
}

/** Decides what one port needs, as `syncProxyRules` does (pkg/proxy/ipvs/proxier.go). */
export function shareOfPort(plan: ServicePortPlan, context: PlanContext): Share {
  const outside = [...plan.externalIps, ...plan.loadBalancerIps];
  const nodeIps = plan.nodePort === 0 ? [] : nodePortIps(context.settings);
  return {
    servers: [
      server(plan, context, [plan.clusterIp, plan.port], internalEndpoints(plan)),
      ...outside.map((ip) => server(plan, context, [ip, plan.port], externalEndpoints(plan))),
      ...nodeIps.map((ip) => server(plan, context, [ip, plan.nodePort], externalEndpoints(plan))),
    ],
    entries: [
      ...loopback(plan),
      ['KUBE-CLUSTER-IP', socketEntry(plan, plan.clusterIp)],
      ...externalEntries(plan),
      ...balancerEntries(plan, context.settings),
      ...nodePortEntries(plan, nodeIps),
      ...dropped(plan, [
        ...outside.map((ip) => socketEntry(plan, ip)),
        ...nodeIps.map((ip) => socketEntry(plan, ip, plan.nodePort)),
      ]),
      ...(plan.healthCheckNodePort === 0
        ? []
        : [['KUBE-HEALTH-CHECK-NODE-PORT', `${plan.healthCheckNodePort}`] as const]),
    ],
    addresses: [plan.clusterIp, ...outside.filter((ip) => !isOfNode(ip, context))],
  };
}

function server(
  { protocol, affinitySeconds }: ServicePortPlan,
  { scheduler }: PlanContext,
  [ip, port]: readonly [string, number],
  endpoints: readonly Endpoint[],
): VirtualServer {
  const persistence = affinitySeconds === undefined ? '' : ` -p ${affinitySeconds}`;
  // Without the port of the client in the hash, all connections of a client go to the same real server.
  const flags = scheduler === 'mh' ? ' -b mh-fallback,mh-port' : '';
  return {
    service: `${PROTOCOL_OPTIONS[protocol]} ${formatSocket(ip, port)}`,
    options: `-s ${scheduler}${persistence}${flags}`,
    reals: new Map(endpoints.map((endpoint) => [formatSocket(endpoint.ip, endpoint.port), 1])),
  };
}

function internalEndpoints({
  internalPolicyLocal,
  localEndpoints,
  clusterEndpoints,
}: ServicePortPlan): readonly Endpoint[] {
  return internalPolicyLocal ? localEndpoints : clusterEndpoints;
}

/**
 * Pods and the node reach an external address also when no endpoint is here; others are dropped by a rule. With an endpoint here they
 * get that one too, while the other modes lead them to all: an address has one virtual server, and that one list of endpoints.
 */
function externalEndpoints({
  externalPolicyLocal,
  localEndpoints,
  clusterEndpoints,
}: ServicePortPlan): readonly Endpoint[] {
  return externalPolicyLocal && localEndpoints.length > 0 ? localEndpoints : clusterEndpoints;
}

type Entries = readonly (readonly [SetKind, string])[];

/** `ip,protocol:port` */
function socketEntry({ protocol, port }: ServicePortPlan, ip: string, at = port): string {
  return `${ip},${protocol.toLowerCase()}:${at}`;
}

/** A pod that is sent to itself would get packets from its own address. */
function loopback(plan: ServicePortPlan): Entries {
  return plan.allEndpoints
    .filter(({ isLocal }) => isLocal)
    .map(({ ip, port }) => ['KUBE-LOOP-BACK', `${socketEntry(plan, ip, port)},${ip}`]);
}

function externalEntries(plan: ServicePortPlan): Entries {
  const kind = plan.externalPolicyLocal ? 'KUBE-EXTERNAL-IP-LOCAL' : 'KUBE-EXTERNAL-IP';
  return plan.externalIps.map((ip) => [kind, socketEntry(plan, ip)]);
}

function balancerEntries(plan: ServicePortPlan, settings: ProxySettings): Entries {
  return plan.loadBalancerIps.flatMap((ip): Entries => {
    const entry = socketEntry(plan, ip);
    return [
      ['KUBE-LOAD-BALANCER', entry],
      ...(plan.externalPolicyLocal ? [['KUBE-LOAD-BALANCER-LOCAL', entry] as const] : []),
      ...(plan.sourceRanges.length === 0 ? [] : firewallEntries(plan, ip, settings)),
    ];
  });
}

/** The node reaches the address by a connection from the address itself, when its own address is in a range. */
function firewallEntries(plan: ServicePortPlan, ip: string, settings: ProxySettings): Entries {
  const entry = socketEntry(plan, ip);
  return [
    ['KUBE-LOAD-BALANCER-FW', entry],
    ...plan.sourceRanges
      .flatMap(networks)
      .map((network) => ['KUBE-LOAD-BALANCER-SOURCE-CIDR', `${entry},${network}`] as const),
    ...(admitsNode(plan, settings) ? [['KUBE-LOAD-BALANCER-SOURCE-IP', `${entry},${ip}`] as const] : []),
  ];
}

/** A range as `ipset save` writes it. A set takes no network of all addresses: two halves stand for it. */
function networks(range: string): readonly string[] {
  const cidr = parseCidr(range);
  if (cidr === undefined) return [];
  if (cidr.prefix === 0) return cidr.family === 4 ? ['0.0.0.0/1', '128.0.0.0/1'] : ['::/1', '8000::/1'];
  return [formatNetwork(cidr).replace(cidr.family === 4 ? /\/32$/ : /\/128$/, '')];
}

/** Whether the source ranges of a port let the node itself through. */
export function admitsNode({ sourceRanges }: ServicePortPlan, { nodeIps }: ProxySettings): boolean {
  const ips = nodeIps.map(parseIp);
  return sourceRanges.some((range) => {
    const cidr = parseCidr(range);
    return cidr !== undefined && ips.some((ip) => ip !== undefined && containsAddress(cidr, ip));
  });
}

function nodePortEntries(plan: ServicePortPlan, nodeIps: readonly string[]): Entries {
  const { protocol, nodePort } = plan;
  const kinds = NODE_PORT_SETS[protocol];
  // A set of ports knows no SCTP.
  const entries = protocol === 'SCTP' ? nodeIps.map((ip) => socketEntry(plan, ip, nodePort)) : [`${nodePort}`];
  if (nodeIps.length === 0) return [];
  return [kinds.all, ...(plan.externalPolicyLocal ? [kinds.local] : [])].flatMap((kind) =>
    entries.map((entry) => [kind, entry] as const),
  );
}

/** A virtual server without endpoints refuses, as it should when there are none anywhere. Those elsewhere leave others to find them. */
function dropped(plan: ServicePortPlan, external: readonly string[]): Entries {
  if (!plan.hasAnyEndpoints) return [];
  const internal = internalEndpoints(plan).length === 0 ? [socketEntry(plan, plan.clusterIp)] : [];
  const isUnusable = externalEndpoints(plan).length === 0;
  const isElsewhere = plan.externalPolicyLocal && plan.localEndpoints.length === 0;
  return [
    ...[...internal, ...(isUnusable ? external : [])].map((entry) => ['KUBE-NO-USABLE-ENDPOINTS', entry] as const),
    ...(isElsewhere && !isUnusable ? external : []).map((entry) => ['KUBE-NO-LOCAL-ENDPOINTS', entry] as const),
  ];
}

/** IPVS answers neither on the loopback nor on addresses that hold on one link only. */
function nodePortIps({ nodeIps }: ProxySettings): readonly string[] {
  return nodeIps.filter((ip) => !/^(?:127\.|::1$|fe[89ab])/i.test(ip));
}

function isOfNode(ip: string, { settings, otherAddresses }: PlanContext): boolean {
  return otherAddresses.has(ip) || settings.nodeIps.includes(ip);
}

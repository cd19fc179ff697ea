import { parseCidr, parseIp } from '../../cni/index.ts';
import type { Endpoint, LocalDetector, ProxySettings, ServicePortPlan } from '../types.ts';
import { endpointChain, formatEndpoint, MARK_CHAIN, namesOf, type PortNames } from './names.ts';
import { pathsOf, toAddress, type PortPaths } from './shared-rules.ts';

/** Chains with all their rules. */
export interface Block {
  readonly chains: readonly string[];
  /** Renders a rule a line; each line ends. */
  readonly rules: () => string;
}

/** What chains of ports are rendered by, besides their plans. */
export interface OwnChainsOptions {
  readonly settings: ProxySettings;
  /** Comments of endpoints are left out: they are nearly half of the text. */
  readonly isLarge: boolean;
}

/** The nat chains of one port: those that lead to its endpoints, and one an endpoint. */
export function renderOwnChains(plan: ServicePortPlan, { settings, isLarge }: OwnChainsOptions): Block {
  const names = namesOf(plan);
  const paths = pathsOf(plan, names);
  const chainOf = nameEndpoints(plan, names);
  const comment = (text: string): string => (isLarge ? '' : `-m comment --comment ${text} `);
  const write: Writer = { names, chainOf, comment };
  const rules = (): readonly string[] => [
    ...masqueradeInternal(plan, names, paths, settings),
    ...(paths.hasExternal ? external(plan, names, paths, settings) : []),
    ...(paths.hasFirewall ? firewall(plan, names, settings) : []),
    ...balance(names.cluster, plan.clusterEndpoints, plan, write),
    ...balance(names.local, plan.localEndpoints, plan, write),
    ...plan.allEndpoints.flatMap((endpoint) => translate(endpoint, plan, write)),
    '',
  ];
  return { chains: chainsOf(plan, write, paths), rules: () => rules().join('\n') };
}

/** Names of the chains that {@link renderOwnChains} fills. */
export function listOwnChains(plan: ServicePortPlan): readonly string[] {
  const names = namesOf(plan);
  return chainsOf(plan, { names, chainOf: nameEndpoints(plan, names) }, pathsOf(plan, names));
}

/** How the rules of a port name and remark endpoints. */
interface Writer {
  readonly names: PortNames;
  readonly chainOf: (endpoint: Endpoint) => string;
  readonly comment: (text: string) => string;
}

/** An endpoint is named several times, and a name is a hash: half of the time of a render, without a memory. */
function nameEndpoints({ allEndpoints }: ServicePortPlan, names: PortNames): Writer['chainOf'] {
  const known = new Map(allEndpoints.map((endpoint) => [endpoint, endpointChain(names, endpoint)]));
  return (endpoint) => known.get(endpoint) ?? endpointChain(names, endpoint);
}

function chainsOf(
  plan: ServicePortPlan,
  { names, chainOf }: Omit<Writer, 'comment'>,
  { hasExternal, hasFirewall }: PortPaths,
): readonly string[] {
  return [
    ...(hasExternal ? [names.external] : []),
    ...(hasFirewall ? [names.firewall] : []),
    ...(plan.clusterEndpoints.length > 0 ? [names.cluster] : []),
    ...(plan.localEndpoints.length > 0 ? [names.local] : []),
    ...plan.allEndpoints.map(chainOf),
  ];
}

/** A match of traffic from local pods, and one of all other; undefined when they cannot be told (`localdetector.go`). */
function localMatches(detector: LocalDetector): { readonly local: string; readonly other: string } | undefined {
  if (detector.mode === 'None') return undefined;
  const match = detectorMatch(detector);
  return { local: match, other: `! ${match}` };
}

function detectorMatch(detector: Exclude<LocalDetector, { mode: 'None' }>): string {
  switch (detector.mode) {
    case 'ClusterCIDR':
    case 'NodeCIDR':
      return `-s ${detector.cidr}`;
    case 'BridgeInterface':
      return `-i ${detector.bridge}`;
    case 'InterfaceNamePrefix':
      return `-i ${detector.prefix}+`;
  }
}

/** Traffic from outside that somebody routes to the cluster IP may leave for another node: the answer must come back here. */
function masqueradeInternal(
  { clusterIp, port }: ServicePortPlan,
  names: PortNames,
  { internal }: PortPaths,
  { masqueradeAll, localDetector }: ProxySettings,
): string[] {
  const sources = masqueradeAll ? '' : localMatches(localDetector)?.other;
  if (internal === undefined || sources === undefined) return [];
  const match = toAddress(`"${names.port} cluster IP"`, names, clusterIp, port);
  return [`-A ${internal} ${match} ${sources === '' ? '' : `${sources} `}-j ${MARK_CHAIN}`];
}

function external(plan: ServicePortPlan, names: PortNames, paths: PortPaths, settings: ProxySettings): string[] {
  const { externalPolicy } = paths;
  return [
    ...(plan.externalPolicyLocal ? shortcuts(plan, names, settings) : [masqueradeExternal(names)]),
    ...(externalPolicy === undefined ? [] : [`-A ${names.external} -j ${externalPolicy}`]),
  ];
}

function masqueradeExternal({ external, port }: PortNames): string {
  return `-A ${external} -m comment --comment "masquerade traffic for ${port} external destinations" -j ${MARK_CHAIN}`;
}

/**
 * With the policy Local, pods and the node reach external addresses by all endpoints, as if they went out to the load
 * balancer and came back. The node's own traffic is masqueraded: its source would be the address that was asked.
 */
function shortcuts(
  { clusterEndpoints }: ServicePortPlan,
  { external, cluster, port }: PortNames,
  { localDetector }: ProxySettings,
): string[] {
  if (clusterEndpoints.length === 0) return [];
  const rule = (what: string, match: string, chain: string): string =>
    `-A ${external} -m comment --comment "${what} traffic for ${port} external destinations" ${match} -j ${chain}`;
  const pods = localMatches(localDetector);
  const fromNode = '-m addrtype --src-type LOCAL';
  return [
    ...(pods === undefined ? [] : [rule('pod', pods.local, cluster)]),
    rule('masquerade LOCAL', fromNode, MARK_CHAIN),
    rule('route LOCAL', fromNode, cluster),
  ];
}

/** A node that may use the load balancer may also come from its address: some are set up as addresses of the node. */
function firewall(
  { sourceRanges, loadBalancerIps }: ServicePortPlan,
  { firewall: chain, external, port }: PortNames,
  { nodeIps }: ProxySettings,
): string[] {
  const begin = `-A ${chain} -m comment --comment`;
  const sources = [...sourceRanges, ...(isAnyWithin(nodeIps, sourceRanges) ? loadBalancerIps : [])];
  return [
    ...sources.map((source) => `${begin} "${port} loadbalancer IP" -s ${source} -j ${external}`),
    `${begin} "other traffic to ${port} will be dropped by KUBE-PROXY-FIREWALL"`,
  ];
}

function isAnyWithin(ips: readonly string[], cidrs: readonly string[]): boolean {
  const networks = cidrs.flatMap((cidr) => parseCidr(cidr) ?? []);
  return ips.some((text) => {
    const ip = parseIp(text);
    if (ip === undefined) return false;
    return networks.some(({ family, first, last }) => family === ip.family && first <= ip.value && ip.value <= last);
  });
}

/** Clients that are remembered go where they went; of the rest each endpoint takes an equal share. */
function balance(
  chain: string,
  endpoints: readonly Endpoint[],
  { affinitySeconds }: ServicePortPlan,
  { names, chainOf, comment }: Writer,
): string[] {
  const rule = (endpoint: Endpoint, match: (chain: string) => string): string => {
    const target = chainOf(endpoint);
    const remark = comment(`"${names.port} -> ${formatEndpoint(endpoint)}"`);
    return `-A ${chain} ${remark}${match(target)}-j ${target}`;
  };
  const recent = (target: string): string =>
    `-m recent --name ${target} --rcheck --seconds ${affinitySeconds ?? 0} --reap `;
  return [
    ...(affinitySeconds === undefined ? [] : endpoints.map((endpoint) => rule(endpoint, recent))),
    ...endpoints.map((endpoint, index) => rule(endpoint, () => shareOf(endpoints.length - index))),
  ];
}

/** The first of `left` endpoints takes one part of what came so far; the last one takes all. */
function shareOf(left: number): string {
  return left === 1 ? '' : `-m statistic --mode random --probability ${(1 / left).toFixed(10)} `;
}

/** An endpoint that reaches itself would see its own address as the source and answer to itself. */
function translate(
  endpoint: Endpoint,
  { affinitySeconds }: ServicePortPlan,
  { names, chainOf, comment }: Writer,
): string[] {
  const chain = chainOf(endpoint);
  const begin = `-A ${chain} ${comment(names.port)}`;
  const remember = affinitySeconds === undefined ? '' : `-m recent --name ${chain} --set `;
  const { protocol } = names;
  return [
    `${begin}-s ${endpoint.ip} -j ${MARK_CHAIN}`,
    `${begin}${remember}-m ${protocol} -p ${protocol} -j DNAT --to-destination ${formatEndpoint(endpoint)}`,
  ];
}

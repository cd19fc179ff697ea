import { overlap, parseCidr } from '../../cni/index.ts';
import { type Endpoint, formatServicePortName, type ProxySettings, type ServicePortPlan } from '../types.ts';
import { localMatch, markChain, rejectVerdict } from './base.ts';
import { endpointNames, protocolName, serviceChains } from './names.ts';
import type { AffinitySet, Chain, Element, MapName, Match, Rule, Verdict } from './table.ts';

/*
 * The part of the table that one port of a Service has (kube-proxy's `syncProxyRules` in `pkg/proxy/nftables/proxier.go`):
 *
 *   service-ips         cluster IP            : goto service-… (or local-…, by internalTrafficPolicy)
 *                       external, LB address  : goto external-…
 *   service-nodeports   node port             : goto external-…
 *   firewall-ips        LB address            : goto firewall-…    only with source ranges
 *   no-endpoint-…       instead, or besides for what external-… lets through: goto reject-chain, or drop
 *
 *   chain external-…    mark, or with the policy Local: pods and the node itself -> service-…; then service-… or local-…
 *   chain service-…     clients in affinity-…: their endpoint-…; all others one of them by chance, each with the same probability
 *   chain endpoint-…    from itself: mark; remember the client; dnat
 */

/** Which of its endpoints a port of a Service uses, and for what. */
interface Routing {
  readonly chains: ReturnType<typeof serviceChains>;
  readonly internalChain: string;
  readonly externalChain: string;
  readonly hasInternal: boolean;
  readonly hasExternal: boolean;
  readonly usesCluster: boolean;
  readonly usesLocal: boolean;
  /** Traffic from outside comes in, if only to be sent back to endpoints elsewhere for pods and the node. */
  readonly usesExternal: boolean;
  readonly usesFirewall: boolean;
}

function routingOf(plan: ServicePortPlan): Routing {
  const chains = serviceChains(plan);
  const accessible = plan.nodePort !== 0 || plan.externalIps.length > 0 || plan.loadBalancerIps.length > 0;
  const has = (local: boolean): boolean =>
    plan.hasAnyEndpoints && (local ? plan.localEndpoints : plan.clusterEndpoints).length > 0;
  return {
    chains,
    internalChain: plan.internalPolicyLocal ? chains.local : chains.cluster,
    externalChain: plan.externalPolicyLocal ? chains.local : chains.cluster,
    hasInternal: has(plan.internalPolicyLocal),
    hasExternal: has(plan.externalPolicyLocal),
    usesCluster: has(false) && (!plan.internalPolicyLocal || accessible),
    usesLocal: has(true) && (plan.internalPolicyLocal || (plan.externalPolicyLocal && accessible)),
    usesExternal: plan.hasAnyEndpoints && accessible,
    usesFirewall: plan.loadBalancerIps.length > 0 && plan.sourceRanges.length > 0,
  };
}

/** What the maps and sets hold for one port of a Service. */
export function serviceElements(plan: ServicePortPlan): readonly Element[] {
  const routing = routingOf(plan);
  const at = (ip: string): string => `${ip} . ${protocolName(plan.protocol)} . ${plan.port}`;
  const external = (key: string, ofNode: boolean): readonly Element[] => [
    ...(routing.usesExternal
      ? [element(ofNode ? 'service-nodeports' : 'service-ips', key, routing.chains.external)]
      : []),
    ...(routing.hasExternal ? [] : [refusal(ofNode ? 'no-endpoint-nodeports' : 'no-endpoint-services', key, plan)]),
  ];
  const clusterKey = at(plan.clusterIp);
  return [
    { in: 'cluster-ips', key: plan.clusterIp },
    routing.hasInternal
      ? element('service-ips', clusterKey, routing.internalChain)
      : refusal('no-endpoint-services', clusterKey, plan),
    ...[...plan.externalIps, ...plan.loadBalancerIps].flatMap((ip) => external(at(ip), false)),
    ...(plan.nodePort === 0 ? [] : external(`${protocolName(plan.protocol)} . ${plan.nodePort}`, true)),
    ...(routing.usesFirewall
      ? plan.loadBalancerIps.map((ip) => element('firewall-ips', at(ip), routing.chains.firewall))
      : []),
  ];
}

const element = (map: MapName, key: string, chain: string): Element => ({ in: map, key, verdict: `goto ${chain}` });

/**
 * Rejected when the Service has no endpoints anywhere. With endpoints elsewhere only, traffic for a policy Local is dropped: a load
 * balancer may still send here for a moment, and its clients shall try again rather than fail.
 */
function refusal(map: MapName, key: string, plan: ServicePortPlan): Element {
  const verdict: Verdict = plan.hasAnyEndpoints ? 'drop' : rejectVerdict;
  return { in: map, key, verdict, comment: formatServicePortName(plan.name) };
}

/** The sets of the clients of each endpoint; none without session affinity. */
export function serviceAffinitySets(plan: ServicePortPlan): readonly AffinitySet[] {
  const { affinitySeconds } = plan;
  if (affinitySeconds === undefined) return [];
  return plan.allEndpoints.map((endpoint) => ({
    name: endpointNames(plan, endpoint).affinitySet,
    timeoutSeconds: affinitySeconds,
  }));
}

/** The chains of one port of a Service. */
export function serviceRules(plan: ServicePortPlan, settings: ProxySettings): readonly Chain[] {
  const routing = routingOf(plan);
  const { chains } = routing;
  const masquerade = routing.hasInternal ? clusterIpRules(plan, settings) : [];
  const policyChain = (name: string, endpoints: readonly Endpoint[]): Chain => ({
    name,
    rules: [...(routing.internalChain === name ? masquerade : []), ...balanceRules(plan, endpoints)],
  });
  return [
    ...(routing.usesCluster ? [policyChain(chains.cluster, plan.clusterEndpoints)] : []),
    ...(routing.usesLocal ? [policyChain(chains.local, plan.localEndpoints)] : []),
    ...(routing.usesExternal ? [{ name: chains.external, rules: externalRules(plan, settings, routing) }] : []),
    ...(routing.usesFirewall ? [{ name: chains.firewall, rules: firewallRules(plan, settings) }] : []),
    ...plan.allEndpoints.map((endpoint) => endpointChain(plan, endpoint)),
  ];
}

const jumpToMark: Rule['then'] = { do: 'verdict', verdict: `jump ${markChain}` };

/**
 * Traffic to the cluster IP that comes from elsewhere, say by a static route to the range of Services, is masqueraded: the endpoint
 * may be on another node, whose answer would not come back this way.
 */
function clusterIpRules(plan: ServicePortPlan, settings: ProxySettings): readonly Rule[] {
  const fromElsewhere = localMatch(settings.localDetector, false);
  if (!settings.masqueradeAll && fromElsewhere === undefined) return [];
  const destination: readonly Match[] = [
    { on: 'address', side: 'daddr', not: false, networks: [plan.clusterIp] },
    { on: 'port', protocol: plan.protocol, port: plan.port },
  ];
  const from = settings.masqueradeAll || fromElsewhere === undefined ? [] : [fromElsewhere];
  return [{ when: [...destination, ...from], then: jumpToMark }];
}

/** Clients that are known by session affinity go where they went before, all others anywhere. */
function balanceRules(plan: ServicePortPlan, endpoints: readonly Endpoint[]): readonly Rule[] {
  const names = endpoints.map((endpoint) => endpointNames(plan, endpoint));
  const sticky = names.map(({ chain, affinitySet }): Rule => ({
    when: [{ on: 'member', side: 'saddr', set: affinitySet }],
    then: { do: 'verdict', verdict: `goto ${chain}` },
  }));
  return [...(plan.affinitySeconds === undefined ? [] : sticky), ...choiceRules(names.map(({ chain }) => chain))];
}

/** Up to as many endpoints are chosen by a rule each. */
const maxChoices = 16;

/**
 * Each of the chains with the same probability. kube-proxy always uses one rule with a map. Such a map is an anonymous set, and for
 * each of them the kernel walks the whole transaction (`__nft_set_trans_bind`): with 4,000 Services of 5 endpoints a first sync takes
 * 12.5 s of CPU and every other one 40 s, against 1 s with rules (Linux 6.18). A rule costs a new connection some 50 ns.
 */
function choiceRules(chains: readonly string[]): readonly Rule[] {
  if (chains.length > maxChoices) return [{ when: [], then: { do: 'balance', chains } }];
  return chains.map((chain, index) => {
    const outOf = chains.length - index;
    return {
      when: outOf === 1 ? [] : [{ on: 'chance', outOf }],
      then: { do: 'verdict', verdict: `goto ${chain}` },
    };
  });
}

function externalRules(plan: ServicePortPlan, settings: ProxySettings, routing: Routing): readonly Rule[] {
  const rest: readonly Rule[] = routing.hasExternal
    ? [{ when: [], then: { do: 'verdict', verdict: `goto ${routing.externalChain}` } }]
    : [];
  // Endpoints of other nodes would answer the client past this node.
  if (!plan.externalPolicyLocal) return [{ when: [], then: jumpToMark }, ...rest];
  return [...(routing.usesCluster ? shortCircuits(settings, routing.chains.cluster) : []), ...rest];
}

/**
 * Pods and the node itself reach all endpoints also where the policy is Local, as if they went out to the load balancer and came
 * back by any node. The node is masqueraded: the address of the load balancer may be one of its own, and become its source.
 */
function shortCircuits(settings: ProxySettings, clusterChain: string): readonly Rule[] {
  const fromPod = localMatch(settings.localDetector, true);
  const fromNode: Match = { on: 'local', side: 'saddr' };
  const toCluster: Rule['then'] = { do: 'verdict', verdict: `goto ${clusterChain}` };
  return [
    ...(fromPod === undefined ? [] : [{ when: [fromPod], then: toCluster, comment: 'short-circuit pod traffic' }]),
    { when: [fromNode], then: jumpToMark, comment: 'masquerade local traffic' },
    { when: [fromNode], then: toCluster, comment: 'short-circuit local traffic' },
  ];
}

/**
 * Node ports are not subject to source ranges. Where the node itself is in a range, so are the addresses of the load balancer: when
 * they are set on the node, its own requests have them as source.
 */
function firewallRules(plan: ServicePortPlan, { family, nodeIps }: ProxySettings): readonly Rule[] {
  const ranges = plan.sourceRanges.flatMap((range) => parseCidr(range) ?? []);
  const ofNode = nodeIps.flatMap((ip) => parseCidr(`${ip}/${family === 4 ? 32 : 128}`) ?? []);
  const fromNode = ranges.some((range) => ofNode.some((ip) => overlap(range, ip)));
  const networks = [...plan.sourceRanges, ...(fromNode ? plan.loadBalancerIps : [])];
  return [{ when: [{ on: 'address', side: 'saddr', not: true, networks }], then: { do: 'verdict', verdict: 'drop' } }];
}

function endpointChain(plan: ServicePortPlan, endpoint: Endpoint): Chain {
  const { chain, affinitySet } = endpointNames(plan, endpoint);
  const { ip, port } = endpoint;
  return {
    name: chain,
    rules: [
      // It reaches itself: without masquerading it would answer itself, and its connection to the Service stays without answer.
      { when: [{ on: 'address', side: 'saddr', not: false, networks: [ip] }], then: jumpToMark },
      ...(plan.affinitySeconds === undefined
        ? []
        : [{ when: [], then: { do: 'remember', set: affinitySet } } as const]),
      { when: [], then: { do: 'dnat', protocol: plan.protocol, ip, port } },
    ],
  };
}

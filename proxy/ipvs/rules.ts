/*
 * The chains that stand around IPVS (`writeIptablesRules`, pkg/proxy/ipvs/proxier.go). Their number does not depend on the
 * Services: the sets say which packets are meant.
 *
 *   nat     PREROUTING, OUTPUT -> KUBE-SERVICES    marks what is to be masqueraded
 *             -> KUBE-LOAD-BALANCER, KUBE-NODE-PORT -> KUBE-MARK-MASQ
 *           POSTROUTING -> KUBE-POSTROUTING        masquerades what is marked, and pods that are sent to themselves
 *   mangle  OUTPUT -> KUBE-IPVS-NO-ENDPOINTS       drops what the node sends to Services without usable endpoints: IPVS takes
 *                                                  its packets before filter's OUTPUT
 *   filter  INPUT -> KUBE-NODE-PORT                accepts health checks
 *           INPUT, FORWARD -> KUBE-PROXY-FIREWALL  drops what source ranges do not let through, and traffic to Services
 *             -> KUBE-SOURCE-RANGES-FIREWALL       that have endpoints, but none that it may use
 *           INPUT -> KUBE-IPVS-FILTER              refuses other ports of the addresses of Services: they are the node's own
 *           OUTPUT -> KUBE-IPVS-OUT-FILTER         the source ranges for the node itself
 *           FORWARD -> KUBE-FORWARD                accepts what was masqueraded here, both ways
 *
 * IPVS takes packets after filter's INPUT, so these chains see addresses of Services.
 */

import type { Jump } from '../iptables/jumps.ts';
import type { Table } from '../iptables/restore.ts';
import type { SharedChain } from '../iptables/shared-chains.ts';
import type { LocalDetector, ProxyPlan, ProxySettings } from '../types.ts';
import { NODE_PORT_SETS, type SetKind, setName } from './names.ts';
import { admitsNode } from './plan.ts';

const jump = (table: Jump['table'], chain: string, comment: string, target: string): Jump => ({
  table,
  rule: `${chain} -m comment --comment "${comment}" -j ${target}`,
});

/** In the order that kube-proxy adds them, each before all others (`iptablesJumpChain`). */
export const JUMPS: readonly Jump[] = [
  jump('nat', 'OUTPUT', 'kubernetes service portals', 'KUBE-SERVICES'),
  jump('nat', 'PREROUTING', 'kubernetes service portals', 'KUBE-SERVICES'),
  jump('nat', 'POSTROUTING', 'kubernetes postrouting rules', 'KUBE-POSTROUTING'),
  jump('filter', 'FORWARD', 'kubernetes forwarding rules', 'KUBE-FORWARD'),
  jump('filter', 'INPUT', 'kubernetes health check rules', 'KUBE-NODE-PORT'),
  jump('filter', 'INPUT', 'kube-proxy firewall rules', 'KUBE-PROXY-FIREWALL'),
  jump('filter', 'FORWARD', 'kube-proxy firewall rules', 'KUBE-PROXY-FIREWALL'),
  jump('filter', 'INPUT', 'kubernetes ipvs access filter', 'KUBE-IPVS-FILTER'),
  jump('filter', 'OUTPUT', 'kubernetes ipvs access filter', 'KUBE-IPVS-OUT-FILTER'),
  jump('mangle', 'OUTPUT', 'kubernetes ipvs access filter', 'KUBE-IPVS-NO-ENDPOINTS'),
];

/** Chain names by table. */
const CHAINS = {
  mangle: ['KUBE-IPVS-NO-ENDPOINTS'],
  filter: [
    'KUBE-FORWARD',
    'KUBE-NODE-PORT',
    'KUBE-SOURCE-RANGES-FIREWALL',
    'KUBE-PROXY-FIREWALL',
    'KUBE-IPVS-FILTER',
    'KUBE-IPVS-OUT-FILTER',
  ],
  nat: ['KUBE-MARK-MASQ', 'KUBE-POSTROUTING', 'KUBE-LOAD-BALANCER', 'KUBE-NODE-PORT', 'KUBE-SERVICES'],
} as const;

/** A chain of each table that the mode iptables does not have. It has some of the others. */
export const WITNESSES = [
  ['mangle', 'KUBE-IPVS-NO-ENDPOINTS'],
  ['filter', 'KUBE-IPVS-FILTER'],
  ['nat', 'KUBE-LOAD-BALANCER'],
] as const satisfies readonly (readonly [Table, string])[];

export function isChainOfIpvs(table: Table, chain: string): boolean {
  return CHAINS[table].some((name) => name === chain);
}

/** The rules of one chain, without `-A CHAIN`. */
type Rules = readonly string[];

export function renderChains({ settings, services }: ProxyPlan): readonly SharedChain[] {
  const { family } = settings;
  const set = (kind: SetKind, match: string): string => `-m set --match-set ${setName(kind, family)} ${match}`;
  const mark = `0x${(2 ** settings.masqueradeBit).toString(16)}`;
  const filter: Readonly<Record<(typeof CHAINS.filter)[number], Rules>> = {
    'KUBE-FORWARD': forward(mark),
    'KUBE-NODE-PORT': [`-p tcp ${set('KUBE-HEALTH-CHECK-NODE-PORT', 'dst')} -j ACCEPT`],
    'KUBE-SOURCE-RANGES-FIREWALL': sourceRanges(set),
    'KUBE-PROXY-FIREWALL': firewall(set, settings.localDetector),
    'KUBE-IPVS-FILTER': inFilter(set),
    'KUBE-IPVS-OUT-FILTER': outFilter({ settings, services }),
  };
  const nat: Readonly<Record<(typeof CHAINS.nat)[number], Rules>> = {
    'KUBE-MARK-MASQ': [`-j MARK --or-mark ${mark}`],
    'KUBE-POSTROUTING': postrouting(set, mark),
    'KUBE-LOAD-BALANCER': [...unlessLocal(set('KUBE-LOAD-BALANCER-LOCAL', 'dst,dst')), '-j KUBE-MARK-MASQ'],
    'KUBE-NODE-PORT': nodePorts(set),
    'KUBE-SERVICES': portals(set, settings),
  };
  return [
    chain('mangle', 'KUBE-IPVS-NO-ENDPOINTS', [`${isNew} ${set('KUBE-NO-USABLE-ENDPOINTS', 'dst,dst')} -j DROP`]),
    ...CHAINS.filter.map((name) => chain('filter', name, filter[name])),
    ...CHAINS.nat.map((name) => chain('nat', name, nat[name])),
  ];
}

function chain(table: SharedChain['table'], name: string, rules: Rules): SharedChain {
  return { table, name, rules: rules.map((rule) => `-A ${name} ${rule}\n`).join('') };
}

/** Connections go on to real servers that drain. */
const isNew = '-m conntrack --ctstate NEW';

/** With the policy Local clients keep their addresses, but the node: it connects from the very address that it asks for. */
const unlessLocal = (match: string): Rules => [
  `${match} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`,
  `${match} -j RETURN`,
];

type SetMatch = (kind: SetKind, match: string) => string;

function portals(set: SetMatch, settings: ProxySettings): Rules {
  const external = set('KUBE-EXTERNAL-IP', 'dst,dst');
  const externalLocal = set('KUBE-EXTERNAL-IP-LOCAL', 'dst,dst');
  return [
    `-s ${settings.family === 4 ? '127.0.0.0/8' : '::1/128'} -j RETURN`,
    `${set('KUBE-LOAD-BALANCER', 'dst,dst')} -j KUBE-LOAD-BALANCER`,
    `${clusterIps(set, settings)} -j KUBE-MARK-MASQ`,
    `${external} -j KUBE-MARK-MASQ`,
    `${externalLocal} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`,
    ...fromOutside(external),
    ...fromOutside(externalLocal),
    '-m addrtype --dst-type LOCAL -j KUBE-NODE-PORT',
    `${set('KUBE-CLUSTER-IP', 'dst,dst')} -j ACCEPT`,
    `${set('KUBE-LOAD-BALANCER', 'dst,dst')} -j ACCEPT`,
  ];
}

/** Nothing after it concerns traffic from other hosts, and to an address of the node. */
function fromOutside(match: string): Rules {
  return [
    `${match} -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT`,
    `${match} -m addrtype --dst-type LOCAL -j ACCEPT`,
  ];
}

/** The node connects to an address of a Service from that same address, unless something else is asked for. */
function clusterIps(set: SetMatch, { masqueradeAll, localDetector }: ProxySettings): string {
  const notLocal = masqueradeAll ? '' : ifNotLocal(localDetector);
  return notLocal === undefined
    ? set('KUBE-CLUSTER-IP', 'src,dst')
    : `${set('KUBE-CLUSTER-IP', 'dst,dst')} ${notLocal}`.trimEnd();
}

/** What traffic matches that is not from local pods; undefined when they are not known. */
function ifNotLocal(detector: LocalDetector): string | undefined {
  switch (detector.mode) {
    case 'ClusterCIDR':
    case 'NodeCIDR':
      return `! -s ${detector.cidr}`;
    case 'BridgeInterface':
      return `! -i ${detector.bridge}`;
    case 'InterfaceNamePrefix':
      return `! -i ${detector.prefix}+`;
    case 'None':
      return undefined;
  }
}

function nodePorts(set: SetMatch): Rules {
  return (['TCP', 'UDP', 'SCTP'] as const).flatMap((protocol) => {
    const match = protocol === 'SCTP' ? 'dst,dst' : 'dst';
    const { all, local } = NODE_PORT_SETS[protocol];
    const option = `-p ${protocol.toLowerCase()}`;
    return [...unlessLocal(`${option} ${set(local, match)}`), `${option} ${set(all, match)} -j KUBE-MARK-MASQ`];
  });
}

/** The mark is taken off again: a packet that passes a second time, as through a tunnel, is not masqueraded twice. */
function postrouting(set: SetMatch, mark: string): Rules {
  return [
    `${set('KUBE-LOOP-BACK', 'dst,dst,src')} -j MASQUERADE`,
    `-m mark ! --mark ${mark}/${mark} -j RETURN`,
    `-j MARK --xor-mark ${mark}`,
    '-m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
  ];
}

const forward = (mark: string): Rules => [
  `-m comment --comment "kubernetes forwarding rules" -m mark --mark ${mark}/${mark} -j ACCEPT`,
  '-m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
];

function sourceRanges(set: SetMatch): Rules {
  return [
    `${set('KUBE-LOAD-BALANCER-SOURCE-CIDR', 'dst,dst,src')} -j RETURN`,
    `${set('KUBE-LOAD-BALANCER-SOURCE-IP', 'dst,dst,src')} -j RETURN`,
    '-j DROP',
  ];
}

/** Traffic of the node itself does not come here: IPVS takes it on its way out. */
function firewall(set: SetMatch, detector: LocalDetector): Rules {
  const outside = `${isNew} ${set('KUBE-NO-LOCAL-ENDPOINTS', 'dst,dst')} ${ifNotLocal(detector) ?? ''}`.trimEnd();
  return [
    `${set('KUBE-LOAD-BALANCER-FW', 'dst,dst')} -j KUBE-SOURCE-RANGES-FIREWALL`,
    `${outside} -j DROP`,
    `${isNew} ${set('KUBE-NO-USABLE-ENDPOINTS', 'dst,dst')} -j DROP`,
  ];
}

/** See kubernetes/kubernetes#72236. */
function inFilter(set: SetMatch): Rules {
  const passed = ['KUBE-LOAD-BALANCER', 'KUBE-CLUSTER-IP', 'KUBE-EXTERNAL-IP', 'KUBE-EXTERNAL-IP-LOCAL'] as const;
  return [
    ...passed.map((kind) => `${set(kind, 'dst,dst')} -j RETURN`),
    `-p tcp ${set('KUBE-HEALTH-CHECK-NODE-PORT', 'dst')} -j RETURN`,
    `-m conntrack --ctstate NEW ${set('KUBE-IPVS-IPS', 'dst')} -j REJECT`,
  ];
}

/** One rule a load balancer address that the node must not reach: here its packets have the address of an endpoint already. */
function outFilter({ settings, services }: ProxyPlan): Rules {
  return services
    .filter((plan) => plan.sourceRanges.length > 0 && !admitsNode(plan, settings))
    .flatMap(({ loadBalancerIps, protocol, port }) =>
      loadBalancerIps.map(
        (ip) => `-s ${ip} -m ipvs --vaddr ${ip} --vproto ${protocol.toLowerCase()} --vport ${port} -j DROP`,
      ),
    );
}

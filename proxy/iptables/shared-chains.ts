/*
 * The chains that all ports share, as kube-proxy lays them out (`syncProxyRules`, pkg/proxy/iptables/proxier.go):
 *
 *   nat     PREROUTING, OUTPUT -> KUBE-SERVICES
 *           KUBE-SERVICES       a jump per cluster IP, external IP, load balancer IP; at the end, to addresses of the
 *                               node -> KUBE-NODEPORTS
 *           KUBE-NODEPORTS      a jump per node port
 *           KUBE-MARK-MASQ      marks what is to be masqueraded
 *           POSTROUTING -> KUBE-POSTROUTING   masquerades what is marked
 *   filter  FORWARD, OUTPUT -> KUBE-SERVICES            refuses cluster IPs without endpoints
 *           INPUT, FORWARD -> KUBE-EXTERNAL-SERVICES    refuses external addresses and node ports without endpoints
 *           INPUT -> KUBE-NODEPORTS                     accepts health checks
 *           INPUT, OUTPUT, FORWARD -> KUBE-PROXY-FIREWALL   drops what source ranges did not let through
 *           FORWARD -> KUBE-FORWARD                     accepts what was translated here, both ways
 *           INPUT, OUTPUT -> KUBE-FIREWALL              guards the loopback, when node ports answer on it
 *   mangle, nat, filter   KUBE-PROXY-CANARY             empty
 */

import { parseIp } from '../../cni/index.ts';
import type { ProxyPlan, ProxySettings, ServicePortPlan } from '../types.ts';
import { guardsLoopback } from './jumps.ts';
import { CANARY_CHAIN, MARK_CHAIN } from './names.ts';
import type { Table } from './restore.ts';
import type { SharedRules } from './shared-rules.ts';

export interface SharedChain {
  readonly table: Table;
  readonly name: string;
  /** A rule a line; each line ends. */
  readonly rules: string;
}

/** @param rulesOf what a port adds; it may remember */
export function renderSharedChains(
  { settings, services }: ProxyPlan,
  rulesOf: (plan: ServicePortPlan) => SharedRules,
): readonly SharedChain[] {
  const added = services.map(rulesOf);
  const all = (kind: keyof SharedRules): string => added.map((rules) => rules[kind]).join('');
  const mark = `0x${(2 ** settings.masqueradeBit).toString(16)}`;
  return [
    chain('mangle', CANARY_CHAIN, ''),
    chain('filter', CANARY_CHAIN, ''),
    chain('filter', 'KUBE-SERVICES', all('filterServices')),
    chain('filter', 'KUBE-EXTERNAL-SERVICES', all('filterExternal')),
    chain('filter', 'KUBE-FORWARD', forward(mark)),
    chain('filter', 'KUBE-NODEPORTS', all('filterNodePorts')),
    chain('filter', 'KUBE-PROXY-FIREWALL', all('filterFirewall')),
    ...(guardsLoopback(settings) ? [chain('filter', 'KUBE-FIREWALL', loopback)] : []),
    chain('nat', CANARY_CHAIN, ''),
    chain('nat', 'KUBE-SERVICES', all('natServices') + toNodePorts(settings)),
    chain('nat', 'KUBE-NODEPORTS', all('natNodePorts')),
    chain('nat', 'KUBE-POSTROUTING', postrouting(mark)),
    chain('nat', MARK_CHAIN, `-A ${MARK_CHAIN} -j MARK --or-mark ${mark}\n`),
  ];
}

function chain(table: Table, name: string, rules: string): SharedChain {
  return { table, name, rules };
}

/** The mark is taken off again: a packet that passes a second time, as through a tunnel, is not masqueraded twice. */
const postrouting = (mark: string): string =>
  [
    `-A KUBE-POSTROUTING -m mark ! --mark ${mark}/${mark} -j RETURN`,
    `-A KUBE-POSTROUTING -j MARK --xor-mark ${mark}`,
    '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
    '',
  ].join('\n');

/** A packet that conntrack cannot place is not translated back: the peer would answer it with a reset. */
const forward = (mark: string): string =>
  [
    '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
    `-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark ${mark}/${mark} -j ACCEPT`,
    '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" ' +
      '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '',
  ].join('\n');

const loopback =
  '-A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 ' +
  '-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP\n';

function toNodePorts(settings: ProxySettings): string {
  const comment = '"kubernetes service nodeports; NOTE: this must be the last rule in this chain"';
  return nodePortMatches(settings)
    .map((match) => `-A KUBE-SERVICES -m comment --comment ${comment} ${match} -j KUBE-NODEPORTS\n`)
    .join('');
}

function nodePortMatches({ family, nodePortCidrs, nodeIps, localhostNodePorts }: ProxySettings): readonly string[] {
  const loopback = family === 4 ? '127.0.0.0/8' : '::1/128';
  const answersOnLoopback = family === 4 && localhostNodePorts;
  if (nodePortCidrs === undefined || nodePortCidrs.includes(family === 4 ? '0.0.0.0/0' : '::/0'))
    return [`-m addrtype --dst-type LOCAL${answersOnLoopback ? '' : ` ! -d ${loopback}`}`];
  return nodeIps.filter((ip) => answersOnLoopback || !isLoopback(ip)).map((ip) => `-d ${ip}`);
}

function isLoopback(text: string): boolean {
  const ip = parseIp(text);
  return ip?.family === 4 ? ip.value >> 24n === 127n : ip?.value === 1n;
}

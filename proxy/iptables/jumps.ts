import type { ProxySettings } from '../types.ts';
import type { Table } from './restore.ts';

/** A rule in a chain that is not ours, in the words of `iptables-save`. It stands before what others have there. */
export interface Jump {
  readonly table: Table;
  /** Without `-A`. */
  readonly rule: string;
}

/** Only the first packet of a connection is asked about: the others are translated already. */
const isNew = '-m conntrack --ctstate NEW ';

function jump(table: Table, chain: string, match: string, comment: string, target: string): Jump {
  return { table, rule: `${chain} ${match}-m comment --comment "kubernetes ${comment}" -j ${target}` };
}

/** In the order that kube-proxy adds them, each before all others (`iptablesJumpChains`, pkg/proxy/iptables/proxier.go). */
const jumps: readonly Jump[] = [
  jump('filter', 'INPUT', isNew, 'externally-visible service portals', 'KUBE-EXTERNAL-SERVICES'),
  jump('filter', 'FORWARD', isNew, 'externally-visible service portals', 'KUBE-EXTERNAL-SERVICES'),
  jump('filter', 'INPUT', '', 'health check service ports', 'KUBE-NODEPORTS'),
  jump('filter', 'FORWARD', isNew, 'service portals', 'KUBE-SERVICES'),
  jump('filter', 'OUTPUT', isNew, 'service portals', 'KUBE-SERVICES'),
  jump('filter', 'FORWARD', '', 'forwarding rules', 'KUBE-FORWARD'),
  jump('filter', 'INPUT', isNew, 'load balancer firewall', 'KUBE-PROXY-FIREWALL'),
  jump('filter', 'OUTPUT', isNew, 'load balancer firewall', 'KUBE-PROXY-FIREWALL'),
  jump('filter', 'FORWARD', isNew, 'load balancer firewall', 'KUBE-PROXY-FIREWALL'),
  jump('nat', 'OUTPUT', '', 'service portals', 'KUBE-SERVICES'),
  jump('nat', 'PREROUTING', '', 'service portals', 'KUBE-SERVICES'),
  jump('nat', 'POSTROUTING', '', 'postrouting rules', 'KUBE-POSTROUTING'),
];

const loopbackJumps: readonly Jump[] = [
  { table: 'filter', rule: 'INPUT -j KUBE-FIREWALL' },
  { table: 'filter', rule: 'OUTPUT -j KUBE-FIREWALL' },
];

/** The jumps that settings ask for. */
export function jumpsOf(settings: ProxySettings): readonly Jump[] {
  return guardsLoopback(settings) ? [...jumps, ...loopbackJumps] : jumps;
}

/** Node ports on 127.0.0.1 need `route_localnet`, which would open the loopback to neighbours (CVE-2020-8558). */
export function guardsLoopback({ family, localhostNodePorts }: ProxySettings): boolean {
  return family === 4 && localhostNodePorts;
}

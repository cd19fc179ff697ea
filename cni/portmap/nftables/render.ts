/*
 * Table `inet podwright_hostport`, shared by all attachments; per attachment there are only map elements. The reference
 * portmap plugin has a table of its own, `cni_hostport`: pods of another runtime keep their host ports.
 *
 *   map hostports4      proto . port             : pod address . port       (hostports6 likewise)
 *   map hostip4         address . proto . port   : pod address . port
 *   chain prerouting    dstnat:  to a local address -> hostports
 *   chain output        -100:    to a local address -> hostports   (the host itself, localhost too)
 *   chain hostports     from a pod subnet: mark; dnat to the map's value, addresses before all; no host port: unmark
 *   chain masquerading  srcnat:  from localhost, or marked -> masquerade
 *   chain loopback      raw:     to or from 127.0.0.0/8, not by lo: drop
 *
 * A pod's subnet is masqueraded because pods on one bridge answer one another without the host in between: the answer
 * would come from an address that was not asked. The mark, bit 13 as in the reference portmap plugin, tells these
 * connections from those of Services, which keep the pod's address.
 *
 * Host ports on 127.0.0.1 need `route_localnet` on the bridge, which would let a pod reach what listens on the host's
 * loopback only (CVE-2020-8558). In the raw hook no address is translated yet: whatever is of 127.0.0.0/8 there, and came
 * by another link, is forged.
 */

import type { PortSet } from '../backend.ts';
import type { HostPort } from '../plan.ts';

export const table = 'inet podwright_hostport';

const families = [
  { n: 4, key: 'ip', type: 'ipv4_addr', name: 'ipv4' },
  { n: 6, key: 'ip6', type: 'ipv6_addr', name: 'ipv6' },
] as const;

const chains = {
  hostports: '',
  prerouting: ' { type nat hook prerouting priority dstnat ; }',
  output: ' { type nat hook output priority -100 ; }',
  masquerading: ' { type nat hook postrouting priority srcnat ; }',
  loopback: ' { type filter hook prerouting priority raw ; }',
} as const;

const mark = '0x2000';
const unmark = '0xffffdfff';

/** Everything but the elements. Adding what exists changes nothing; rules are written anew. */
function base(podNets: readonly string[]): string[] {
  return [
    `add table ${table}`,
    ...families.flatMap(({ n, type }) => [
      `add map ${table} hostports${n} { type inet_proto . inet_service : ${type} . inet_service ; }`,
      `flush map ${table} hostports${n}`,
      `add map ${table} hostip${n} { type ${type} . inet_proto . inet_service : ${type} . inet_service ; }`,
      `flush map ${table} hostip${n}`,
    ]),
    ...Object.entries(chains).flatMap(([chain, hook]) => [
      `add chain ${table} ${chain}${hook}`,
      `flush chain ${table} ${chain}`,
    ]),
    ...rules(podNets).map((rule) => `add rule ${table} ${rule}`),
  ];
}

function rules(podNets: readonly string[]): string[] {
  const fromPods = podNets.map((net) => `hostports ${net.includes(':') ? 'ip6' : 'ip'} saddr ${net}`);
  return [
    ...fromPods.map((match) => `${match} meta mark set meta mark or ${mark}`),
    ...families.flatMap(({ n, key, name }) => [
      `hostports dnat ${key} to ${key} daddr . meta l4proto . th dport map @hostip${n}`,
      `hostports meta nfproto ${name} dnat ${key} to meta l4proto . th dport map @hostports${n}`,
    ]),
    ...fromPods.map((match) => `${match} meta mark set meta mark and ${unmark}`),
    'prerouting fib daddr type local jump hostports',
    'output fib daddr type local jump hostports',
    'masquerading ip saddr 127.0.0.0/8 ct status dnat masquerade',
    `masquerading meta mark and ${mark} == ${mark} ct status dnat masquerade`,
    ...['daddr', 'saddr'].map((side) => `loopback iifname != "lo" ip ${side} 127.0.0.0/8 drop`),
  ];
}

/**
 * One transaction that empties the maps and fills them by the claims of all attachments. So whatever the maps held
 * before, as of a daemon whose directory is gone, cannot make it fail.
 */
export function renderTable(sets: readonly PortSet[]): string {
  const wanted = sets.flatMap(({ ports }) => ports);
  const podNets = [...new Set(wanted.map(({ podNet }) => podNet))].sort();
  const elements = wanted.map((port) => `add element ${table} ${mapOf(port)} { ${elementText(port)} }`);
  return `${[...base(podNets), ...elements].join('\n')}\n`;
}

const mapOf = ({ family, hostIp }: HostPort): string => `${hostIp === undefined ? 'hostports' : 'hostip'}${family}`;

function elementText({ hostIp, protocol, hostPort, podIp, containerPort }: HostPort): string {
  const key = `${hostIp === undefined ? '' : `${hostIp} . `}${protocol} . ${hostPort}`;
  return `${key} : ${podIp} . ${containerPort}`;
}

/** What `nft -n` prints for a protocol. */
const protocolNumbers = { 6: 'tcp', 17: 'udp', 132: 'sctp' } as const;

/** Whether `nft -n list table` shows what leads to a host port: the jumps, and the element. */
export function isShown(port: HostPort, listed: string): boolean {
  const parts = listed.split(/[,{}\n]/).map((part) => part.trim());
  const jumps = parts.filter((part) => part.endsWith('jump hostports'));
  return jumps.length === 2 && parts.map(withProtocolName).includes(elementText(port));
}

function withProtocolName(element: string): string {
  return element.replace(
    /(^| )(6|17|132)(?= \. \d+ : )/,
    (_, before: string, number: '6' | '17' | '132') => before + protocolNumbers[number],
  );
}

/*
 * Table `inet cni_hostport`, shared by all attachments; per attachment there are only map elements.
 *
 *   map hostports4      proto . port             : pod address . port       (hostports6 likewise)
 *   map hostip4         address . proto . port   : pod address . port
 *   chain prerouting    dstnat:  to a local address -> hostports
 *   chain output        -100:    to a local address -> hostports   (the host itself, localhost too)
 *   chain hostports     from a pod subnet: mark; dnat to the map's value, addresses before all; no host port: unmark
 *   chain masquerading  srcnat:  from localhost, or marked -> masquerade
 *
 * A pod's subnet is masqueraded because pods on one bridge answer one another without the host in between: the answer
 * would come from an address that was not asked. The mark, bit 13 as in the reference portmap plugin, tells these
 * connections from those of Services, which keep the pod's address.
 */

import type { PortChange } from '../backend.ts';
import type { HostPort } from '../plan.ts';

export const table = 'inet cni_hostport';

const families = [
  { n: 4, key: 'ip', type: 'ipv4_addr', name: 'ipv4' },
  { n: 6, key: 'ip6', type: 'ipv6_addr', name: 'ipv6' },
] as const;

const chains = {
  hostports: '',
  prerouting: ' { type nat hook prerouting priority dstnat ; }',
  output: ' { type nat hook output priority -100 ; }',
  masquerading: ' { type nat hook postrouting priority srcnat ; }',
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
  ];
}

/**
 * One transaction that empties the maps and fills them by the claims of all attachments. So whatever the maps held
 * before, as of a daemon whose directory is gone, cannot make it fail.
 */
export function renderChange({ after, others }: PortChange): string {
  const wanted = [...others, after].flatMap(({ ports }) => ports);
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

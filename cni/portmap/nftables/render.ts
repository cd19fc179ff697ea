/*
 * Table `inet cni_hostport`, shared by all attachments; per attachment there are only map elements, which are added and
 * deleted by their key, so a change costs the same however many host ports there are.
 *
 *   map hostports4      proto . port             : pod address . port       (hostports6 likewise)
 *   map hostip4         address . proto . port   : pod address . port
 *   set hairpins4       pod address . pod address
 *   chain prerouting    dstnat:  to a local address -> hostports
 *   chain output        -100:    to a local address -> hostports   (the host itself, localhost too)
 *   chain hostports     dnat to the map's value; addresses before all
 *   chain masquerading  srcnat:  from localhost, or from a pod to itself -> masquerade, so that answers come back
 */

import type { PortChange } from '../backend.ts';
import type { HostPort } from '../plan.ts';

export const table = 'inet cni_hostport';

/** Everything but the elements; adding what exists changes nothing, and the chains' rules are written anew. */
function base(): string[] {
  return [
    `add table ${table}`,
    ...families.flatMap(({ n, type }) => [
      `add map ${table} hostports${n} { type inet_proto . inet_service : ${type} . inet_service ; }`,
      `add map ${table} hostip${n} { type ${type} . inet_proto . inet_service : ${type} . inet_service ; }`,
      `add set ${table} hairpins${n} { type ${type} . ${type} ; }`,
    ]),
    `add chain ${table} hostports`,
    `add chain ${table} prerouting { type nat hook prerouting priority dstnat ; }`,
    `add chain ${table} output { type nat hook output priority -100 ; }`,
    `add chain ${table} masquerading { type nat hook postrouting priority srcnat ; }`,
    ...['hostports', 'prerouting', 'output', 'masquerading'].map((chain) => `flush chain ${table} ${chain}`),
    ...families.flatMap(({ n, key }) => [
      `add rule ${table} hostports dnat ${key} to ${key} daddr . meta l4proto . th dport map @hostip${n}`,
      `add rule ${table} hostports meta nfproto ${n === 4 ? 'ipv4' : 'ipv6'} dnat ${key} to meta l4proto . th dport map @hostports${n}`,
    ]),
    `add rule ${table} prerouting fib daddr type local jump hostports`,
    `add rule ${table} output fib daddr type local jump hostports`,
    `add rule ${table} masquerading ip saddr 127.0.0.0/8 ct status dnat masquerade`,
    ...families.map(
      ({ n, key }) =>
        `add rule ${table} masquerading ${key} saddr . ${key} daddr @hairpins${n} ct status dnat masquerade`,
    ),
  ];
}

const families = [
  { n: 4, key: 'ip', type: 'ipv4_addr' },
  { n: 6, key: 'ip6', type: 'ipv6_addr' },
] as const;

interface Element {
  readonly set: string;
  readonly key: string;
  readonly value: string | undefined;
}

function elements(ports: readonly HostPort[]): Element[] {
  const all = ports.flatMap((port): Element[] => {
    const { family, hostIp, protocol, hostPort, podIp, containerPort } = port;
    const socket = `${protocol} . ${hostPort}`;
    return [
      {
        set: hostIp === undefined ? `hostports${family}` : `hostip${family}`,
        key: hostIp === undefined ? socket : `${hostIp} . ${socket}`,
        value: `${podIp} . ${containerPort}`,
      },
      { set: `hairpins${family}`, key: `${podIp} . ${podIp}`, value: undefined },
    ];
  });
  return [...new Map(all.map((element) => [`${element.set} ${element.key}`, element])).values()];
}

const write = ({ set, key, value }: Element): string =>
  `add element ${table} ${set} { ${key}${value === undefined ? '' : ` : ${value}`} }`;

/**
 * One transaction that replaces the elements of `before` by those of `after` and adds those of `others` that somebody may
 * have flushed. An element is added before it is deleted: deleting one that is not there would fail the whole transaction.
 */
export function renderChange({ before, after, others }: PortChange): string {
  const removal = elements(before.ports).flatMap((element) => [
    write(element),
    `delete element ${table} ${element.set} { ${element.key} }`,
  ]);
  const wanted = [...others, after].flatMap(({ ports }) => elements(ports));
  return `${[...base(), ...removal, ...wanted.map(write)].join('\n')}\n`;
}

/** The element of one host port as `nft list table` prints it. */
export function elementText({ hostIp, protocol, hostPort, podIp, containerPort }: HostPort): string {
  const key = hostIp === undefined ? `${protocol} . ${hostPort}` : `${hostIp} . ${protocol} . ${hostPort}`;
  return `${key} : ${podIp} . ${containerPort}`;
}

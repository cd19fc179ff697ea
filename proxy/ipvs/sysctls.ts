import type { Family } from '../types.ts';

/** Names as paths below `/proc/sys`, with values. */
export type Sysctls = readonly (readonly [name: string, value: string])[];

/**
 * What IPVS needs (`NewProxier`, pkg/proxy/ipvs/proxier.go): conntrack, so that connections can be masqueraded; connections of real
 * servers that are gone end at their next packet, and clients do not stay with real servers that drain. Forwarding is not among
 * them: it belongs to the pod network.
 *
 * @param release of the kernel, as `uname -r` has it
 */
export function neededSysctls(family: Family, release: string, strictArp: boolean): Sysctls {
  return [
    ['net/ipv4/vs/conntrack', '1'],
    ['net/ipv4/vs/expire_nodest_conn', '1'],
    ['net/ipv4/vs/expire_quiescent_template', '1'],
    // Until Linux 5.9 a client that used a port again waited a second for its connection (kubernetes/kubernetes#81775).
    ...(isBefore(release, 5, 9) ? [['net/ipv4/vs/conn_reuse_mode', '0'] as const] : []),
    ...(strictArp && family === 4 ? strictArpSysctls : []),
  ];
}

/** No link answers for addresses that another one has, as load balancers that announce them by ARP need it (MetalLB). */
const strictArpSysctls: Sysctls = [
  ['net/ipv4/conf/all/arp_ignore', '1'],
  ['net/ipv4/conf/all/arp_announce', '2'],
];

function isBefore(release: string, major: number, minor: number): boolean {
  const [, a = '', b = ''] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return a !== '' && (Number(a) < major || (Number(a) === major && Number(b) < minor));
}

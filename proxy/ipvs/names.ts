import type { Family, Protocol } from '../types.ts';

/** The link that holds the addresses of Services, so that the kernel takes their packets for its own. It is never up. */
export const LINK = 'kube-ipvs0';

/** The kind of an IP set, as `ipset create` names it. */
export type SetType = 'hash:ip' | 'hash:ip,port' | 'hash:ip,port,ip' | 'hash:ip,port,net' | 'bitmap:port';

/**
 * The IP sets and their kinds, in the names of IPv4 (`ipsetInfo`, pkg/proxy/ipvs/proxier.go). All are kube-proxy's but the
 * last two, which hold the addresses that lead to no endpoint while some are elsewhere: for traffic from other hosts, and for all.
 */
export const SETS = {
  'KUBE-LOOP-BACK': 'hash:ip,port,ip',
  'KUBE-CLUSTER-IP': 'hash:ip,port',
  'KUBE-EXTERNAL-IP': 'hash:ip,port',
  'KUBE-EXTERNAL-IP-LOCAL': 'hash:ip,port',
  'KUBE-LOAD-BALANCER': 'hash:ip,port',
  'KUBE-LOAD-BALANCER-FW': 'hash:ip,port',
  'KUBE-LOAD-BALANCER-LOCAL': 'hash:ip,port',
  'KUBE-LOAD-BALANCER-SOURCE-IP': 'hash:ip,port,ip',
  'KUBE-LOAD-BALANCER-SOURCE-CIDR': 'hash:ip,port,net',
  'KUBE-NODE-PORT-TCP': 'bitmap:port',
  'KUBE-NODE-PORT-LOCAL-TCP': 'bitmap:port',
  'KUBE-NODE-PORT-UDP': 'bitmap:port',
  'KUBE-NODE-PORT-LOCAL-UDP': 'bitmap:port',
  'KUBE-NODE-PORT-SCTP-HASH': 'hash:ip,port',
  'KUBE-NODE-PORT-LOCAL-SCTP-HASH': 'hash:ip,port',
  'KUBE-HEALTH-CHECK-NODE-PORT': 'bitmap:port',
  'KUBE-IPVS-IPS': 'hash:ip',
  'KUBE-NO-LOCAL-ENDPOINTS': 'hash:ip,port',
  'KUBE-NO-USABLE-ENDPOINTS': 'hash:ip,port',
} as const satisfies Readonly<Record<string, SetType>>;

export type SetKind = keyof typeof SETS;

export const SET_KINDS = Object.keys(SETS) as readonly SetKind[];

/** The kernel takes no longer names. */
const MAX_NAME = 31;

/** The name of a set in the kernel: sets of IPv6 are `KUBE-6-...` (`NewIPSet`, pkg/proxy/ipvs/ipset.go). */
export function setName(kind: SetKind, family: Family): string {
  return family === 4 ? kind : kind.replace('KUBE-', 'KUBE-6-').slice(0, MAX_NAME);
}

/** The sets of node ports of a protocol: all, and those whose policy is Local. */
export const NODE_PORT_SETS: Readonly<Record<Protocol, { readonly all: SetKind; readonly local: SetKind }>> = {
  TCP: { all: 'KUBE-NODE-PORT-TCP', local: 'KUBE-NODE-PORT-LOCAL-TCP' },
  UDP: { all: 'KUBE-NODE-PORT-UDP', local: 'KUBE-NODE-PORT-LOCAL-UDP' },
  SCTP: { all: 'KUBE-NODE-PORT-SCTP-HASH', local: 'KUBE-NODE-PORT-LOCAL-SCTP-HASH' },
};

/** How `ipvsadm` says which protocol a virtual server has. */
export const PROTOCOL_OPTIONS: Readonly<Record<Protocol, string>> = { TCP: '-t', UDP: '-u', SCTP: '--sctp-service' };

/** `ip:port` as `ipvsadm` has it, an IPv6 address in brackets. */
export function formatSocket(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/*
 * Where the scenarios of Services take place: a node with pods on a bridge, and another host that has a pod too. The addresses are
 * those of `createProxyLab` (test/host/proxy), so that the same scenarios run on paper and on a kernel.
 */

import type { Packet, SourceKind } from '../../proxy/trace/types.ts';
import type { Family, ProxySettings, Protocol } from '../../proxy/types.ts';

/** Pods of the node, the node, and another host. */
export type Source = 'a' | 'b' | 'c' | 'node' | 'outside';

/** Where the server of an endpoint is; `far` is on the other host. */
export type Place = 'a' | 'b' | 'c' | 'd' | 'far';

export type Destination =
  | 'cluster'
  | 'cluster:443'
  | 'cluster:81'
  | 'balancer'
  | 'external'
  | 'nodePort'
  | 'nodePort:30443'
  | 'bridgePort'
  | 'loopbackPort'
  | 'b directly';

type Name = Place | 'node' | 'bridge' | 'outside' | 'cluster' | 'balancer' | 'external' | 'loopback';

const addresses: Readonly<Record<Family, Readonly<Record<Name, string>>>> = {
  4: {
    ...{ a: '203.0.113.2', b: '203.0.113.3', c: '203.0.113.4', d: '203.0.113.5', bridge: '203.0.113.1' },
    ...{ node: '198.51.100.1', outside: '198.51.100.2', far: '198.51.100.3', loopback: '127.0.0.1' },
    ...{ cluster: '192.0.2.129', balancer: '192.0.2.10', external: '192.0.2.20' },
  },
  6: {
    ...{ a: '2001:db8:1::2', b: '2001:db8:1::3', c: '2001:db8:1::4', d: '2001:db8:1::5', bridge: '2001:db8:1::1' },
    ...{ node: '2001:db8:2::1', outside: '2001:db8:2::2', far: '2001:db8:2::3', loopback: '::1' },
    ...{ cluster: '2001:db8:a::1', balancer: '2001:db8:b::10', external: '2001:db8:b::20' },
  },
};

export const FAMILIES: readonly Family[] = [4, 6];
export const PLACES: readonly Place[] = ['a', 'b', 'c', 'd', 'far'];
export const NODE_NAME = 'node-a';

export function addressOf(name: Name, family: Family): string {
  return addresses[family][name];
}

export const bothAddresses = (name: Name): readonly string[] => FAMILIES.map((family) => addressOf(name, family));

export function nodeAddresses(family: Family): readonly string[] {
  return [addressOf('node', family), addressOf('bridge', family)];
}

export function settingsOf(family: Family, rest: Partial<ProxySettings> = {}): ProxySettings {
  return {
    family,
    localDetector: { mode: 'ClusterCIDR', cidr: family === 4 ? '203.0.113.0/24' : '2001:db8:1::/64' },
    masqueradeAll: false,
    masqueradeBit: 14,
    nodePortCidrs: undefined,
    nodeIps: nodeAddresses(family),
    localhostNodePorts: false,
    ...rest,
  };
}

const targets: Readonly<Record<Destination, readonly [name: Name, port: number]>> = {
  cluster: ['cluster', 80],
  'cluster:443': ['cluster', 443],
  'cluster:81': ['cluster', 81],
  balancer: ['balancer', 80],
  external: ['external', 80],
  nodePort: ['node', 30_080],
  'nodePort:30443': ['node', 30_443],
  bridgePort: ['bridge', 30_080],
  loopbackPort: ['loopback', 30_080],
  'b directly': ['b', 8080],
};

export function targetOf(destination: Destination, family: Family): { readonly ip: string; readonly port: number } {
  const [name, port] = targets[destination];
  return { ip: addressOf(name, family), port };
}

export function packetOf(from: Source, to: Destination, protocol: Protocol, family: Family): Packet {
  const { ip: dst, port } = targetOf(to, family);
  return { src: addressOf(from, family), dst, port, protocol, ...linkOf(from) };
}

function linkOf(from: Source): { readonly sourceKind: SourceKind; readonly inInterface?: string } {
  if (from === 'node') return { sourceKind: 'node' };
  return from === 'outside'
    ? { sourceKind: 'external', inInterface: 'up0' }
    : { sourceKind: 'pod', inInterface: 'cni0' };
}

/** Port that endpoints have unless a scenario says more. */
const usualPort = 8080;

/** `a`, or `a:8081` for another port than the usual one; an address that nobody has as it is. */
export function nameOf(ip: string, port: number, family: Family): string {
  const name = PLACES.find((place) => addressOf(place, family) === ip) ?? ip;
  return port === usualPort ? name : `${name}:${port}`;
}

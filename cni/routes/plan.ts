import { bridgeMac, linkAlias } from '../bridge/names.ts';
import { builtInBridge } from '../default-network.ts';
import { type Cidr, containsAddress, formatIp, formatNetwork, overlap, parseCidr, parseIp } from '../ip/cidr.ts';
import { tunnelDevice, tunnelOverhead } from './names.ts';
import type { HostFacts } from './observe.ts';
import type { ClusterNodes, LinkAddress, PeerNode, PeerRoute, RouteBackend, Tunnel } from './types.ts';

export interface RouteRequest extends Pick<ClusterNodes, 'nodeIps' | 'peers'> {
  readonly backend: RouteBackend;
  /** Ranges of this node's own pods. */
  readonly podCidrs: readonly string[];
}

export interface WantedRoutes {
  readonly routes: readonly PeerRoute[];
  /** Undefined: no node needs it. */
  readonly tunnel: Tunnel | undefined;
  /** What packets of pods may be long; undefined where the link of this node's address is not found. */
  readonly podMtu: number | undefined;
  /** Addresses that are in the way of a route. */
  readonly dropAddresses: readonly LinkAddress[];
  /** Why pods of some node cannot be reached, one sentence each. */
  readonly problems: readonly string[];
}

/** Where outer packets leave. */
interface Underlay {
  readonly ip: string;
  readonly family: 4 | 6;
  readonly dev: string;
  readonly mtu: number;
}

interface PeerRange {
  readonly peer: string;
  readonly cidr: Cidr;
  readonly nodeIps: readonly string[];
}

/**
 * The routes to other nodes' pods. A node on a link of this one is its pods' gateway; for another one packets are wrapped,
 * unless `backend` says something else for all.
 */
export function planPeers(request: RouteRequest, facts: HostFacts): WantedRoutes {
  const underlay = findUnderlay(request.nodeIps, facts);
  const { ranges, problems } = usableRanges(request, facts);
  const ways = ranges.map((range) => wayTo(range, request.backend, underlay, facts));
  const tunnelled = ways.flatMap((way) => ('gateway' in way ? [way] : []));
  const needsTunnel = underlay !== undefined && (tunnelled.length > 0 || request.backend === 'vxlan');
  const tunnel = needsTunnel ? tunnelTo(tunnelled, underlay, request.podCidrs) : undefined;
  return {
    routes: ways.flatMap((way) => ('route' in way ? [way.route] : [])),
    ...{ tunnel, podMtu: tunnel?.mtu ?? underlay?.mtu },
    dropAddresses: formerGateways(ranges, request.podCidrs, facts),
    problems: [...problems, ...ways.flatMap((way) => ('problem' in way ? [way.problem] : []))],
  };
}

/** Through the tunnel the gateway is an address that stands for the node's device. */
interface Tunnelled {
  readonly route: PeerRoute;
  readonly gateway: string;
  readonly nodeIp: string;
}

type Way = { readonly route: PeerRoute } | Tunnelled | { readonly problem: string };

function wayTo(range: PeerRange, backend: RouteBackend, underlay: Underlay | undefined, facts: HostFacts): Way {
  const route = backend === 'vxlan' ? undefined : directRoute(range, facts);
  if (route !== undefined) return { route };
  const { peer, cidr, nodeIps } = range;
  const unreachable = (why: string): Way => ({
    problem: `pods of node ${peer} (${formatNetwork(cidr)}) cannot be reached: ${why}`,
  });
  if (nodeIps.length === 0) return unreachable('the node has no InternalIP');
  if (underlay === undefined) return unreachable('no link of this host has the address of this node');
  const where = `${nodeIps.join(', ')} ${nodeIps.length === 1 ? 'is' : 'are'}`;
  if (backend === 'host-gw') return unreachable(`${where} not on a link of this host, and network.backend is host-gw`);
  const nodeIp = nodeIps.find((ip) => parseIp(ip)?.family === underlay.family);
  if (nodeIp === undefined) return unreachable(`${where} of another family than ${underlay.ip}`);
  // A link that is down makes no node one behind a router.
  if (backend === 'auto' && reachOf(nodeIp, facts.reach) === undefined) return unreachable(`no route to ${nodeIp}`);
  const gateway = formatIp({ family: cidr.family, value: cidr.first });
  return { gateway, nodeIp, route: { dst: formatNetwork(cidr), via: gateway, dev: tunnelDevice, onlink: true } };
}

/**
 * Addresses that the own bridge has of a former range of this node, which is another node's now: the kernel would look for
 * that node's pods on the bridge.
 */
function formerGateways(
  ranges: readonly PeerRange[],
  podCidrs: readonly string[],
  { links }: HostFacts,
): readonly LinkAddress[] {
  const bridge = links.find(({ name, alias }) => name === builtInBridge && alias === linkAlias);
  const own = podCidrs.flatMap(cidrsOf);
  return (bridge?.addresses ?? [])
    .filter((address) => {
      const [cidr] = cidrsOf(address);
      if (cidr === undefined || own.some((one) => overlap(one, cidr))) return false;
      return ranges.some((range) => overlap(range.cidr, cidr));
    })
    .map((address) => ({ dev: builtInBridge, address }));
}

/** IPv4 where there is some: it is what all nodes of most clusters have. */
function findUnderlay(nodeIps: readonly string[], { links }: HostFacts): Underlay | undefined {
  const own = nodeIps
    .flatMap((text) => parseIp(text) ?? [])
    .sort((a, b) => a.family - b.family)
    .flatMap((ip) => {
      const link = links.find(({ addresses }) => addresses.some((address) => address.startsWith(`${formatIp(ip)}/`)));
      return link === undefined ? [] : [{ ip: formatIp(ip), family: ip.family, dev: link.name, mtu: link.mtu }];
    });
  return own[0];
}

/** A range that would take traffic of nodes, or of pods here or elsewhere, gets no route. */
function usableRanges(
  { peers, nodeIps, podCidrs }: RouteRequest,
  { reach }: HostFacts,
): { ranges: readonly PeerRange[]; problems: readonly string[] } {
  const taken: { readonly what: string; readonly cidr: Cidr }[] = [
    ...podCidrs.flatMap((text) => cidrsOf(text).map((cidr) => ({ what: 'the range of this node', cidr }))),
    ...[...nodeIps, ...peers.flatMap((peer) => peer.nodeIps)].flatMap((ip) =>
      cidrsOf(hostCidr(ip)).map((cidr) => ({ what: `the address ${ip} of a node`, cidr })),
    ),
  ];
  const ranges: PeerRange[] = [];
  const problems: string[] = [];
  for (const peer of [...peers].sort(byName).filter((one) => !isThisHost(one, reach))) {
    for (const cidr of peer.podCidrs.flatMap(cidrsOf)) {
      const other = taken.find((one) => overlap(one.cidr, cidr));
      if (other !== undefined) {
        problems.push(`podCIDR ${formatNetwork(cidr)} of node ${peer.name} overlaps ${other.what}`);
        continue;
      }
      taken.push({ what: `the range of node ${peer.name}`, cidr });
      ranges.push({ peer: peer.name, cidr, nodeIps: peer.nodeIps });
    }
  }
  return { ranges, problems };
}

const byName = (a: PeerNode, b: PeerNode): number => (a.name < b.name ? -1 : 1);
const hostCidr = (ip: string): string => `${ip}/${ip.includes(':') ? 128 : 32}`;
const cidrsOf = (text: string): Cidr[] => {
  const cidr = parseCidr(text);
  return cidr === undefined ? [] : [cidr];
};

/** A Node of an earlier name of this host. */
function isThisHost({ nodeIps }: PeerNode, reach: HostFacts['reach']): boolean {
  return nodeIps.some((ip) => reachOf(ip, reach)?.isOwn === true);
}

function reachOf(ip: string, reach: HostFacts['reach']): ReturnType<HostFacts['reach']['get']> {
  const address = parseIp(ip);
  return address === undefined ? undefined : reach.get(formatIp(address));
}

function directRoute({ cidr, nodeIps }: PeerRange, { reach }: HostFacts): PeerRoute | undefined {
  const via = nodeIps
    .flatMap((ip) => parseIp(ip) ?? [])
    .find(({ family, value }) => {
      const found = reach.get(formatIp({ family, value }));
      // A node that is found through its own pods' range, or through the tunnel, is no gateway for it.
      return family === cidr.family && found?.isRouted === false && found.dev !== tunnelDevice;
    });
  if (via === undefined || containsAddress(cidr, via)) return undefined;
  const { dev = '' } = reach.get(formatIp(via)) ?? {};
  return { dst: formatNetwork(cidr), via: formatIp(via), dev, onlink: false };
}

/** The hardware address of a node's device follows from the node's address: nothing has to be told. */
function tunnelTo(peers: readonly Tunnelled[], { ip, dev, mtu }: Underlay, podCidrs: readonly string[]): Tunnel {
  const own = podCidrs.flatMap(cidrsOf).map(({ family, first }) => formatIp({ family, value: first }));
  const nodeIps = [...new Set(peers.map(({ nodeIp }) => nodeIp))];
  return {
    ...{ link: dev, local: ip, mac: bridgeMac([ip]), mtu: mtu - tunnelOverhead(ip), isUp: true },
    addresses: own.map(hostCidr),
    neighbours: peers.map(({ gateway, nodeIp }) => ({ ip: gateway, mac: bridgeMac([nodeIp]) })),
    fdb: nodeIps.map((nodeIp) => ({ mac: bridgeMac([nodeIp]), dst: nodeIp })),
  };
}

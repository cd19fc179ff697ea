import { isIPv4, isIPv6 } from 'node:net';
import { containsAddress, formatNetwork, parseCidr, parseIp, type Cidr } from '../cni/index.ts';
import type { ProxyMode } from './mode.ts';
import type { Family, LocalDetector, ProxySettings } from './types.ts';

/** What KubeProxyConfiguration says of the rules, for both families at once. */
export interface ProxyConfig {
  readonly detectLocalMode: 'ClusterCIDR' | 'NodeCIDR' | 'BridgeInterface' | 'InterfaceNamePrefix';
  /** `clusterCIDR`, split at its comma. */
  readonly clusterCidrs: readonly string[];
  /** Pod CIDRs of this node, for the mode NodeCIDR. */
  readonly podCidrs: readonly string[];
  readonly bridgeInterface: string;
  readonly interfaceNamePrefix: string;
  readonly masqueradeAll: boolean;
  readonly masqueradeBit: number;
  /** CIDRs, or only `primary`; empty for all addresses. */
  readonly nodePortAddresses: readonly string[];
  readonly localhostNodePorts: boolean;
}

export interface NodeAddresses {
  /** At most one a family, the node's preferred one first. */
  readonly primary: readonly string[];
  /** All that the host has, also the primary ones. */
  readonly all: readonly string[];
}

/** The settings of a family (cmd/kube-proxy/app/server_linux.go, pkg/proxy/util/nodeport_addresses.go). */
export function planSettings(
  family: Family,
  config: ProxyConfig,
  addresses: NodeAddresses,
  mode?: ProxyMode,
): ProxySettings {
  const nodePortCidrs = nodePortCidrsOf(family, config, addresses);
  const cidrs = nodePortCidrs?.flatMap((text) => parseCidr(text) ?? []);
  const answers = (address: string): boolean => cidrs === undefined || cidrs.some((cidr) => contains(cidr, address));
  return {
    family,
    localDetector: planLocalDetector(family, config),
    masqueradeAll: config.masqueradeAll,
    masqueradeBit: config.masqueradeBit,
    nodePortCidrs,
    nodeIps: [...new Set([...addresses.primary, ...addresses.all])].filter(
      (address) => isOf(family, address) && isReachable(address) && answers(address),
    ),
    // The other backends do not translate what comes from the loopback, as kube-proxy's do not.
    localhostNodePorts: family === 4 && mode === 'iptables' && config.localhostNodePorts && answers('127.0.0.1'),
  };
}

/** Undefined for all; a list that names no network of a family leaves that family's addresses all open. */
function nodePortCidrsOf(
  family: Family,
  { nodePortAddresses }: ProxyConfig,
  { primary }: NodeAddresses,
): readonly string[] | undefined {
  if (nodePortAddresses.includes('primary')) {
    return primary.filter((address) => isOf(family, address)).map((address) => `${address}/${family === 4 ? 32 : 128}`);
  }
  const cidrs = networksOf(family, nodePortAddresses);
  return cidrs.length === 0 || cidrs.some((cidr) => cidr.endsWith('/0')) ? undefined : cidrs;
}

function planLocalDetector(family: Family, config: ProxyConfig): LocalDetector {
  switch (config.detectLocalMode) {
    case 'ClusterCIDR':
    case 'NodeCIDR': {
      const mode = config.detectLocalMode;
      const [cidr] = networksOf(family, mode === 'ClusterCIDR' ? config.clusterCidrs : config.podCidrs);
      return cidr === undefined ? { mode: 'None' } : { mode, cidr };
    }
    case 'BridgeInterface':
      return config.bridgeInterface === ''
        ? { mode: 'None' }
        : { mode: 'BridgeInterface', bridge: config.bridgeInterface };
    case 'InterfaceNamePrefix':
      return config.interfaceNamePrefix === ''
        ? { mode: 'None' }
        : { mode: 'InterfaceNamePrefix', prefix: config.interfaceNamePrefix };
  }
}

function networksOf(family: Family, texts: readonly string[]): readonly string[] {
  return texts
    .flatMap((text) => parseCidr(text.trim()) ?? [])
    .filter((cidr) => cidr.family === family)
    .map(formatNetwork);
}

function contains(cidr: Cidr, address: string): boolean {
  const ip = parseIp(address);
  return ip !== undefined && containsAddress(cidr, ip);
}

function isOf(family: Family, address: string): boolean {
  return family === 4 ? isIPv4(address) : isIPv6(address);
}

/** From other hosts, and without naming an interface. */
function isReachable(address: string): boolean {
  return !/^(127\.|::1$|fe[89ab])/i.test(address);
}

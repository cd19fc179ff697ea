import { formatIp } from '../ip/cidr.ts';
import type { Allocation } from '../ipam/host-local.ts';
import type { PluginRequest } from '../plugin.ts';
import { CniError, cniErrorCode } from '../spec/error.ts';
import type { CniResult, CniRoute } from '../spec/types.ts';
import type { BridgeConfig } from './config.ts';
import { bridgeMac, hostLinkName, linkAlias, linkLocalOf, podMac, vethPrefix } from './names.ts';
import type { LinkFacts } from './observe.ts';
import type { BridgeLink, PodLink } from './render.ts';

const isV6 = (address: string): boolean => address.includes(':');

/**
 * The bridge as the configuration wants it. With IPv6 it is given its link-local address too, without duplicate address
 * detection: until the kernel's own is through with that, packets for pods are held back, since the kernel asks for a
 * neighbour from that address (up to 2 s behind the start of the first pod).
 */
export function bridgeLink(config: BridgeConfig): BridgeLink {
  const gateways = config.ipam.rangeSets.flat().map(({ subnet, gateway }) => ({
    ip: formatIp({ family: subnet.family, value: gateway }),
    prefix: subnet.prefix,
  }));
  const mac = bridgeMac(gateways.map(({ ip }) => ip));
  const linkLocal = gateways.some(({ ip }) => isV6(ip)) ? [linkLocalOf(mac)] : [];
  const addresses = [...gateways.map(({ ip, prefix }) => `${ip}/${prefix}`), ...linkLocal];
  return { name: config.bridge, mac, mtu: config.mtu, addresses: config.isGateway ? [...new Set(addresses)] : [] };
}

/** @throws CniError when there is no namespace, or none that `ip` can name */
export function podLink(request: PluginRequest, config: BridgeConfig, { ips }: Allocation): PodLink {
  return {
    hostName: hostLinkName(request.containerId, request.ifName),
    ifName: request.ifName,
    mac: podMac(ips),
    mtu: config.mtu,
    hairpin: config.hairpinMode,
    netns: namespaceName(request.netns),
  };
}

/** What `ip link … netns` takes for a namespace's path: the process of `/proc/<pid>/ns/net`, or a name in `/run/netns`. */
export function namespaceName(path: string | undefined): string {
  const [, pid, name] = /^(?:\/proc\/(\d+)\/ns\/net|\/(?:var\/)?run\/netns\/([^/\s]+))$/.exec(path ?? '') ?? [];
  const found = pid ?? name;
  if (found !== undefined) return found;
  throw new CniError(
    cniErrorCode.invalidEnvironment,
    `bridge: network namespace ${path ?? '(none)'} must be /proc/<pid>/ns/net or /run/netns/<name>`,
  );
}

/** Routes of the configuration through the gateway, and a default route where the bridge is to be the default gateway. */
export function routesOf(config: BridgeConfig, { ips, routes }: Allocation): CniRoute[] {
  const gatewayFor = (dst: string): string | undefined =>
    ips.find(({ address }) => isV6(address) === isV6(dst))?.gateway;
  const defaults = config.isDefaultGateway
    ? new Set(ips.map(({ address }) => (isV6(address) ? '::/0' : '0.0.0.0/0')))
    : [];
  const missing = [...defaults].filter((dst) => !routes.some((route) => route.dst === dst)).map((dst) => ({ dst }));
  return [...routes, ...missing].map((route: CniRoute) => {
    const gw = route.gw ?? gatewayFor(route.dst);
    return gw === undefined ? route : { ...route, gw };
  });
}

export function toResult(
  request: PluginRequest,
  config: BridgeConfig,
  link: PodLink,
  { ips }: Allocation,
  routes: readonly CniRoute[],
): CniResult {
  return {
    cniVersion: request.cniVersion,
    interfaces: [
      { name: config.bridge, mac: bridgeLink(config).mac },
      { name: link.hostName },
      { name: link.ifName, mac: link.mac, sandbox: request.netns ?? '' },
    ],
    ips: ips.map((ip) => ({ ...ip, interface: 2 })),
    routes,
  };
}

/**
 * Links that by their names may be host ends of attachments that are not valid. Going by the name finds also a link whose
 * lease is gone and one that lost its bridge; whether it is ours, {@link isOwnLink} tells.
 *
 * @param valid keys as of `attachmentKey`
 */
export function suspectLinks(names: readonly string[], valid: ReadonlySet<string>): string[] {
  const wanted = new Set([...valid].map(linkOfKey));
  const pattern = new RegExp(`^${vethPrefix}[0-9a-f]{11}$`);
  return names.filter((name) => pattern.test(name) && !wanted.has(name));
}

/** A link without the alias is one that a killed daemon had just made; it was put on the bridge as it was made. */
export function isOwnLink({ alias, master }: LinkFacts, bridge: string): boolean {
  return alias === undefined ? master === bridge : alias === linkAlias;
}

function linkOfKey(key: string): string {
  const slash = key.indexOf('/');
  return hostLinkName(key.slice(0, slash), key.slice(slash + 1));
}

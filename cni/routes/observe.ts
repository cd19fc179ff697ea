import { formatIp, formatNetwork, parseCidr, parseIp } from '../ip/cidr.ts';
import { routeProtocol, tunnelDevice, tunnelPort, tunnelVni } from './names.ts';
import type { PeerRoute, Tunnel } from './types.ts';

export interface LinkFacts {
  readonly name: string;
  readonly mtu: number;
  readonly mac: string;
  readonly isUp: boolean;
  readonly alias: string | undefined;
  /** With prefix. */
  readonly addresses: readonly string[];
  /** Undefined for what is no VXLAN device of the own VNI and port. */
  readonly vxlan: { readonly link: string; readonly local: string } | undefined;
}

/** How the kernel would send to an address. */
export interface Reach {
  readonly dev: string;
  /** The address is behind a router, and not on the link. */
  readonly isRouted: boolean;
  /** The address is this host's own. */
  readonly isOwn: boolean;
}

export interface HostFacts {
  readonly links: readonly LinkFacts[];
  /** Own routes. */
  readonly routes: readonly PeerRoute[];
  /** By address in its canonical spelling; without those that there is no route to. */
  readonly reach: ReadonlyMap<string, Reach>;
}

/** What {@link parseHost} reads: `ip -details -N -json -force -batch -`, one process. */
export const hostCommands = (nodeIps: readonly string[]): readonly string[] => [
  'addr show',
  `route show table all proto ${routeProtocol}`,
  ...nodeIps.map((ip) => `route get ${ip}`),
];

interface AddressJson {
  readonly ifname?: string;
  readonly mtu?: number;
  readonly address?: string;
  readonly ifalias?: string;
  readonly flags?: readonly string[];
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number; readonly scope?: string }[];
  readonly linkinfo?: { readonly info_data?: Readonly<Record<string, unknown>> };
}

interface RouteJson {
  readonly type?: string;
  readonly dst?: string;
  readonly gateway?: string;
  readonly via?: { readonly host?: string };
  readonly dev?: string;
  readonly flags?: readonly string[];
}

/** Number of the route type `local` (rtnetlink.h). */
const localType = '2';
const linkScope = '253';

/** @param text a JSON array a command and line; a command that failed has no line, which only a look-up may */
export function parseHost(text: string): HostFacts {
  const [links = [], routes = [], ...found] = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as unknown[]);
  return {
    links: (links as AddressJson[]).flatMap(toLink),
    routes: (routes as RouteJson[]).flatMap(toRoute),
    reach: new Map(found.flatMap(([route]) => toReach(route as RouteJson | undefined))),
  };
}

function toLink(json: AddressJson): LinkFacts[] {
  const { ifname, mtu = 0, address = '', ifalias, flags = [], addr_info: infos = [], linkinfo } = json;
  if (ifname === undefined) return [];
  return [
    {
      ...{ name: ifname, mtu, mac: address, alias: ifalias, isUp: flags.includes('UP') },
      addresses: infos.flatMap(({ local: ip, prefixlen, scope }) =>
        ip === undefined || scope === linkScope ? [] : [`${ip}/${prefixlen ?? 0}`],
      ),
      vxlan: toVxlan(linkinfo?.info_data ?? {}),
    },
  ];
}

function toVxlan({ id, port, link, local, local6 }: Readonly<Record<string, unknown>>): LinkFacts['vxlan'] {
  const source = local ?? local6;
  if (id !== tunnelVni || port !== tunnelPort || typeof link !== 'string' || typeof source !== 'string')
    return undefined;
  return { link, local: source };
}

function toRoute({ dst = '', gateway, via, dev = '', flags = [] }: RouteJson): PeerRoute[] {
  const network = canonicalNetwork(dst);
  if (network === undefined) return [];
  return [{ dst: network, via: gateway ?? via?.host ?? '', dev, onlink: flags.includes('onlink') }];
}

/** @param text a network, or an address for the network of it alone */
function canonicalNetwork(text: string): string | undefined {
  const address = parseIp(text);
  const cidr = parseCidr(address === undefined ? text : `${text}/${address.family === 4 ? 32 : 128}`);
  return cidr === undefined ? undefined : formatNetwork(cidr);
}

function toReach(route: RouteJson | undefined): [string, Reach][] {
  const address = parseIp(route?.dst ?? '');
  if (route === undefined || address === undefined) return [];
  const { dev = '', gateway, via, type } = route;
  const isRouted = gateway !== undefined || via !== undefined;
  return [[formatIp(address), { dev, isRouted, isOwn: type === localType }]];
}

/**
 * The VXLAN device as it is; undefined when there is none of its name.
 *
 * @param neighbours output of `ip -json neigh show dev <device> nud permanent`, once for each family
 * @param fdb output of `bridge -json fdb show dev <device>`
 */
export function parseTunnel(
  links: readonly LinkFacts[],
  neighbours: readonly string[],
  fdb: string,
): Tunnel | undefined {
  const device = links.find(({ name }) => name === tunnelDevice);
  if (device === undefined) return undefined;
  const known = neighbours.flatMap(parseEntries);
  const forwarded = parseEntries(fdb);
  return {
    ...{ link: device.vxlan?.link ?? '', local: device.vxlan?.local ?? '' },
    ...{ mac: device.mac, mtu: device.mtu, isUp: device.isUp, addresses: device.addresses },
    neighbours: known.flatMap(({ dst, lladdr }) => (dst && lladdr ? [{ ip: dst, mac: lladdr }] : [])),
    fdb: forwarded.flatMap(({ mac, dst }) => (mac && dst ? [{ mac, dst }] : [])),
  };
}

interface EntryJson {
  readonly dst?: string;
  readonly lladdr?: string;
  readonly mac?: string;
}

function parseEntries(text: string): readonly EntryJson[] {
  return text.trim() === '' ? [] : (JSON.parse(text) as readonly EntryJson[]);
}

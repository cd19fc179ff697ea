import { formatNetwork, parseCidr, parseIp } from '../ip/cidr.ts';
import type { CniRoute } from '../spec/types.ts';

/** A link as `ip -json link` shows it. */
export interface LinkFacts {
  readonly name: string;
  readonly alias: string | undefined;
  /** The bridge that it is a port of. */
  readonly master: string | undefined;
}

/** A route as `ip -N -json route show table all` shows it. */
export interface RouteFacts {
  /** Network in its canonical spelling, e.g. `0.0.0.0/0`. */
  readonly dst: string;
  readonly gw: string | undefined;
  readonly table: number;
}

export interface PodFacts {
  /** With prefix. */
  readonly addresses: readonly string[];
  readonly routes: readonly RouteFacts[];
}

/** What {@link parsePod} reads: two commands for one process. */
export const podCommands = (ifName: string): readonly string[] => [`addr show dev ${ifName}`, 'route show table all'];

const mainTable = 254;

interface AddressJson {
  readonly addr_info?: readonly { readonly local: string; readonly prefixlen: number }[];
}

interface RouteJson {
  readonly dst?: string;
  readonly gateway?: string;
  readonly table?: string | number;
  /** Routes of IPv6 only have it. */
  readonly pref?: string;
}

/** @param text output of `ip -N -json -batch` with {@link podCommands}: a JSON array a command and line */
export function parsePod(text: string): PodFacts {
  const [addresses, routes] = text.split('\n').filter((line) => line.trim() !== '');
  const links = JSON.parse(addresses ?? '[]') as readonly AddressJson[];
  return {
    addresses: links.flatMap(({ addr_info: infos = [] }) =>
      infos.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    ),
    routes: (JSON.parse(routes ?? '[]') as readonly RouteJson[]).flatMap(toRoute),
  };
}

function toRoute({ dst = '', gateway, table = mainTable, pref }: RouteJson): RouteFacts[] {
  const everything = pref === undefined ? '0.0.0.0/0' : '::/0';
  const network = canonicalNetwork(dst === 'default' ? everything : dst);
  return network === undefined ? [] : [{ dst: network, gw: gateway, table: Number(table) }];
}

/** @param text a network, or an address for the network of it alone */
function canonicalNetwork(text: string): string | undefined {
  const address = parseIp(text);
  const cidr = parseCidr(address === undefined ? text : `${text}/${address.family === 4 ? 32 : 128}`);
  return cidr === undefined ? undefined : formatNetwork(cidr);
}

/** The first route of a result that is not there; of one without a gateway any gateway will do. */
export function missingRoute(wanted: readonly CniRoute[], found: readonly RouteFacts[]): CniRoute | undefined {
  return wanted.find(({ dst, gw, table = mainTable }) => {
    const network = canonicalNetwork(dst);
    const via = gw === undefined ? undefined : canonicalNetwork(gw);
    return !found.some(
      (route) =>
        route.dst === network &&
        route.table === table &&
        (via === undefined || (route.gw !== undefined && canonicalNetwork(route.gw) === via)),
    );
  });
}

/** @param text output of `ip -json link show`, in which links that were filtered out are empty objects */
export function parseLinks(text: string): LinkFacts[] {
  const links = JSON.parse(text.trim() === '' ? '[]' : text) as readonly {
    readonly ifname?: string;
    readonly ifalias?: string;
    readonly master?: string;
  }[];
  return links.flatMap(({ ifname, ifalias, master }) =>
    ifname === undefined ? [] : [{ name: ifname, alias: ifalias, master }],
  );
}

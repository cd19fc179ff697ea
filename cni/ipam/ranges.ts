import { type Cidr, formatIp, formatNetwork, type IpAddress, parseCidr, parseIp } from '../ip/cidr.ts';
import { CniError, cniErrorCode } from '../spec/error.ts';
import type { CniRoute } from '../spec/types.ts';

/** Addresses that may be given from one subnet, both ends included. */
export interface Range {
  readonly subnet: Cidr;
  readonly start: bigint;
  readonly end: bigint;
  readonly gateway: bigint;
}

/** Ranges that stand for one another: an attachment gets one address from each set. */
export type RangeSet = readonly Range[];

/** What the `ipam` key of a host-local configuration says. */
export interface HostLocalConfig {
  readonly rangeSets: readonly RangeSet[];
  readonly routes: readonly CniRoute[];
  /** Where leases are kept instead of the daemon's own directory. */
  readonly dataDir: string | undefined;
}

/** Reads a host-local configuration, its `ranges` or the older single `subnet`. */
export function parseHostLocal(ipam: Readonly<Record<string, unknown>>): HostLocalConfig {
  const sets = 'ranges' in ipam ? array(ipam['ranges'], 'ipam.ranges') : [[ipam]];
  const rangeSets = sets.map((set, s) =>
    array(set, `ipam.ranges[${s}]`).map((range, r) => parseRange(range, `ipam.ranges[${s}][${r}]`)),
  );
  if (rangeSets.length === 0 || rangeSets.some((set) => set.length === 0)) invalid('ipam.ranges', 'must not be empty');
  const { dataDir, routes } = ipam;
  return {
    rangeSets,
    routes: routes === undefined ? [] : array(routes, 'ipam.routes').map(parseRoute),
    dataDir: typeof dataDir === 'string' ? dataDir : undefined,
  };
}

function parseRange(value: unknown, path: string): Range {
  if (typeof value !== 'object' || value === null) return invalid(path, 'must be an object');
  const { subnet: text, rangeStart, rangeEnd, gateway } = value as Record<string, unknown>;
  const subnet = typeof text === 'string' ? parseCidr(text) : undefined;
  if (subnet === undefined) return invalid(`${path}.subnet`, 'must be a network such as 203.0.113.0/24');
  if (subnet.last - subnet.first < 3n) return invalid(`${path}.subnet`, 'is too small to give addresses from');
  // The first address is the network's, the last of IPv4 the broadcast address.
  const lastUsable = subnet.family === 4 ? subnet.last - 1n : subnet.last;
  const within = (ip: unknown, field: string, otherwise: bigint): bigint =>
    ip === undefined ? otherwise : addressIn(subnet, ip, `${path}.${field}`);
  const range = {
    subnet,
    start: within(rangeStart, 'rangeStart', subnet.first + 1n),
    end: within(rangeEnd, 'rangeEnd', lastUsable),
    gateway: within(gateway, 'gateway', subnet.first + 1n),
  };
  if (range.start > range.end) return invalid(`${path}.rangeStart`, 'is behind rangeEnd');
  return range;
}

function addressIn(subnet: Cidr, value: unknown, path: string): bigint {
  const ip = typeof value === 'string' ? parseIp(value) : undefined;
  if (ip?.family !== subnet.family || ip.value < subnet.first || ip.value > subnet.last) {
    return invalid(path, `must be an address of ${formatNetwork(subnet)}`);
  }
  return ip.value;
}

function parseRoute(value: unknown, index: number): CniRoute {
  const { dst, gw } = (value ?? {}) as { dst?: unknown; gw?: unknown };
  if (typeof dst !== 'string' || parseCidr(dst) === undefined)
    return invalid(`ipam.routes[${index}].dst`, 'must be a network');
  if (gw === undefined) return { dst };
  if (typeof gw !== 'string' || parseIp(gw) === undefined)
    return invalid(`ipam.routes[${index}].gw`, 'must be an address');
  return { dst, gw };
}

function array(value: unknown, path: string): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : invalid(path, 'must be an array');
}

function invalid(path: string, message: string): never {
  throw new CniError(cniErrorCode.invalidNetworkConfig, `${path} ${message}`);
}

/** `203.0.113.2-203.0.113.254` of each range, for messages. */
export function describe(set: RangeSet): string {
  return set.map(({ subnet, start, end }) => `${format(subnet, start)}-${format(subnet, end)}`).join(',');
}

const format = (subnet: Cidr, value: bigint): string => formatIp({ family: subnet.family, value });

/**
 * The addresses of a set in the order in which they are tried: round robin from behind the last one given, so that an
 * address rests as long as possible before it is given again. Gateways are left out.
 */
export function* candidates(set: RangeSet, last: IpAddress | undefined): Generator<{ ip: IpAddress; range: Range }> {
  const isIn = ({ subnet, start, end }: Range): boolean =>
    last !== undefined && last.family === subnet.family && last.value >= start && last.value <= end;
  const from = Math.max(0, set.findIndex(isIn));
  const resume = set.some(isIn) ? (last?.value ?? 0n) + 1n : undefined;
  for (let turn = 0; turn <= set.length; turn += 1) {
    const range = set[(from + turn) % set.length];
    if (range === undefined) return;
    const start = turn === 0 && resume !== undefined ? resume : range.start;
    const end = turn === set.length ? (resume ?? range.start) - 1n : range.end;
    for (let value = start; value <= end; value += 1n) {
      if (value !== range.gateway) yield { ip: { family: range.subnet.family, value }, range };
    }
  }
}

import { type Cidr, containsAddress, formatIp, formatNetwork, parseCidr, parseIp } from '../ip/cidr.ts';
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

/** Keys of a route beside its destination and gateway (CNI 1.1), all numbers that are not negative. */
const routeNumbers = ['mtu', 'advmss', 'priority', 'table', 'scope'] as const;

/**
 * Reads a host-local configuration, its `ranges` or the older single `subnet`.
 *
 * @throws CniError with the path of the field that is wrong
 */
export function parseHostLocal(ipam: Readonly<Record<string, unknown>>): HostLocalConfig {
  const { dataDir, routes = [] } = ipam;
  if (dataDir !== undefined && typeof dataDir !== 'string') invalid('ipam.dataDir', 'must be a path');
  return {
    rangeSets: parseRangeSets(ipam),
    routes: array(routes, 'ipam.routes').map(parseRoute),
    dataDir: dataDir === '' ? undefined : dataDir,
  };
}

function parseRangeSets(ipam: Readonly<Record<string, unknown>>): RangeSet[] {
  const sets =
    ipam['ranges'] === undefined
      ? [[parseRange(ipam, 'ipam')]]
      : array(ipam['ranges'], 'ipam.ranges').map((set, s) =>
          array(set, `ipam.ranges[${s}]`).map((range, r) => parseRange(range, `ipam.ranges[${s}][${r}]`)),
        );
  if (sets.length === 0 || sets.some((set) => set.length === 0)) invalid('ipam.ranges', 'must not be empty');
  if (sets.some((set) => new Set(set.map(({ subnet }) => subnet.family)).size > 1)) {
    invalid('ipam.ranges', 'must not mix IPv4 and IPv6 in one set: an attachment gets one address from each set');
  }
  const all = sets.flat();
  if (all.some((range, index) => all.slice(index + 1).some((other) => shareAddress(range, other)))) {
    invalid('ipam.ranges', 'must not overlap');
  }
  return sets;
}

function shareAddress(a: Range, b: Range): boolean {
  return a.subnet.family === b.subnet.family && a.start <= b.end && b.start <= a.end;
}

function parseRange(value: unknown, path: string): Range {
  if (!isObject(value)) return invalid(path, 'must be an object');
  const { subnet: text, rangeStart, rangeEnd, gateway } = value;
  const subnet = typeof text === 'string' ? parseCidr(text) : undefined;
  if (subnet === undefined) return invalid(`${path}.subnet`, 'must be a network such as 203.0.113.0/24');
  if (subnet.last - subnet.first < 3n) return invalid(`${path}.subnet`, 'is too small to give addresses from');
  const { first, last } = usable(subnet);
  const within = (ip: unknown, field: string, otherwise: bigint): bigint =>
    ip === undefined ? otherwise : addressIn(subnet, ip, `${path}.${field}`);
  const start = max(first, within(rangeStart, 'rangeStart', first));
  const end = min(last, within(rangeEnd, 'rangeEnd', last));
  if (start > end) return invalid(`${path}.rangeStart`, 'is behind rangeEnd');
  return { subnet, start, end, gateway: within(gateway, 'gateway', first) };
}

/** The first address of a network is its own (of IPv6: its routers'), the last of IPv4 the broadcast address. */
function usable({ family, first, last }: Cidr): { readonly first: bigint; readonly last: bigint } {
  return { first: first + 1n, last: family === 4 ? last - 1n : last };
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

function addressIn(subnet: Cidr, value: unknown, path: string): bigint {
  const ip = typeof value === 'string' ? parseIp(value) : undefined;
  if (ip === undefined || !containsAddress(subnet, ip)) {
    return invalid(path, `must be an address of ${formatNetwork(subnet)}`);
  }
  return ip.value;
}

function parseRoute(value: unknown, index: number): CniRoute {
  const path = `ipam.routes[${index}]`;
  if (!isObject(value)) return invalid(path, 'must be an object');
  const { dst: text, gw } = value;
  const dst = typeof text === 'string' ? parseCidr(text) : undefined;
  if (dst === undefined) return invalid(`${path}.dst`, 'must be a network');
  const via = typeof gw === 'string' ? parseIp(gw) : undefined;
  if (gw !== undefined && via === undefined) return invalid(`${path}.gw`, 'must be an address');
  const numbers = routeNumbers.filter((key) => value[key] !== undefined);
  const wrong = numbers.find((key) => !Number.isInteger(value[key]) || Number(value[key]) < 0);
  if (wrong !== undefined) return invalid(`${path}.${wrong}`, 'must be a number');
  return {
    dst: formatNetwork(dst),
    ...(via === undefined ? {} : { gw: formatIp(via) }),
    ...Object.fromEntries(numbers.map((key) => [key, value[key]])),
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function array(value: unknown, path: string): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : invalid(path, 'must be an array');
}

function invalid(path: string, message: string): never {
  throw new CniError(cniErrorCode.invalidNetworkConfig, `${path} ${message}`);
}

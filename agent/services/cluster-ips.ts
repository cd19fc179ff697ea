import { containsAddress, formatIp, parseCidr, parseIp, type Cidr } from '../../cni/index.ts';
import { pickFree, spared } from './pick.ts';
import type { KeptService, ServiceSpec } from './types.ts';

type Family = 4 | 6;

/** A failure that a user can mend: the field and what is wrong with it. */
export interface Refusal {
  readonly path: string;
  readonly message: string;
}

/** Cluster IPs in use. Addresses are in their canonical form. */
export interface ClusterIps {
  /** The families that a Service shall have, first the one of `clusterIP`. */
  familiesOf(spec: ServiceSpec, before: readonly string[]): readonly Family[] | Refusal;
  /** Takes an address that a manifest names. */
  claim(address: string, owner: string): Refusal | undefined;
  /** The address that was claimed, or else the one of before, when it is still to be had, or else a free one. */
  give(family: Family, spec: ServiceSpec, before: KeptService, owner: string): string | Refusal;
}

/**
 * @param reserved addresses that are given to none but those that had them
 * @throws Error when a range is no CIDR
 */
export function createClusterIps(ranges: readonly string[], reserved: ReadonlySet<string>): ClusterIps {
  const networks = ranges.map(parseRange);
  const owners = new Map<string, string>();
  const said = ranges.join(', ');
  const isTaken = (address: string): boolean => owners.has(address) || reserved.has(address);

  return {
    familiesOf: (spec, before) => decideFamilies(spec, before, networks),
    claim: (address, owner) => {
      const text = canonical(address);
      const other = owners.get(text);
      if (other !== undefined && other !== owner) {
        return refuse(`${text} is the address of the Service ${other} already`);
      }
      if (!isHost(networks, text)) return refuse(`${text} is not an address for Services of the range ${said}`);
      owners.set(text, owner);
      return undefined;
    },
    give: (family, spec, before, owner) => {
      const isOf = (address: string): boolean => parseIp(address)?.family === family;
      const claimed = namedIps(spec).map(canonical).find(isOf);
      if (claimed !== undefined) return claimed;
      const kept = before.clusterIps.find((one) => isOf(one) && isHost(networks, one) && !owners.has(one));
      const network = networks.find((one) => one.family === family);
      const address = kept ?? (network === undefined ? undefined : pickAddress(network, owner, isTaken));
      if (address === undefined) return refuse(`no IPv${family} address of the service range ${said} is free`);
      owners.set(address, owner);
      return address;
    },
  };
}

/** The addresses that a manifest names, once each. */
export function namedIps({ clusterIP = '', clusterIPs = [] }: ServiceSpec): readonly string[] {
  return [...new Set([clusterIP, ...clusterIPs])].filter((address) => address !== '');
}

function refuse(message: string): Refusal {
  return { path: 'spec.clusterIP', message };
}

function parseRange(text: string): Cidr {
  const network = parseCidr(text);
  if (network === undefined) throw new Error(`service range ${text} is not a CIDR such as 10.96.0.0/12`);
  return network;
}

function canonical(address: string): string {
  const ip = parseIp(address);
  return ip === undefined ? address : formatIp(ip);
}

/** In one of the networks, and neither a network's own address nor, with IPv4, its broadcast address. */
function isHost(networks: readonly Cidr[], address: string): boolean {
  const ip = parseIp(address);
  const network = ip && networks.find((one) => containsAddress(one, ip));
  if (ip === undefined || network === undefined) return false;
  return ip.value !== network.first && (ip.family === 6 || ip.value !== network.last);
}

/** The first address is that of default/kubernetes in every cluster, so that it is among the spared ones. */
function pickAddress(
  { family, first, last }: Cidr,
  seed: string,
  taken: (text: string) => boolean,
): string | undefined {
  const end = family === 4 ? last - 1n : last;
  const pool = { first: first + 1n, last: end, spared: spared(end - first, 16n, 16n, 256n) };
  const value = pickFree(pool, `${family}/${seed}`, (one) => taken(formatIp({ family, value: one })));
  return value === undefined ? undefined : formatIp({ family, value });
}

/** `ipFamilies` and `ipFamilyPolicy` (KEP-563): what the manifest names, then what the Service had, then what there is. */
function decideFamilies(
  spec: ServiceSpec,
  before: readonly string[],
  networks: readonly Cidr[],
): readonly Family[] | Refusal {
  const served = networks.map(({ family }) => family);
  const asked = (spec.ipFamilies ?? []).map((name): Family => (name === 'IPv6' ? 6 : 4));
  const wanted = [...new Set([...familiesOfIps(namedIps(spec)), ...asked])];
  const missing = wanted.find((family) => !served.includes(family));
  if (missing !== undefined) {
    return { path: 'spec.ipFamilies', message: `no service range has IPv${missing} addresses` };
  }
  if (spec.ipFamilyPolicy === 'RequireDualStack' && served.length < 2) {
    return { path: 'spec.ipFamilyPolicy', message: 'RequireDualStack needs service ranges of both families' };
  }
  const had = familiesOfIps(before).filter((family) => served.includes(family));
  const all = [...new Set([...wanted, ...had, ...served])];
  return all.slice(0, (spec.ipFamilyPolicy ?? 'SingleStack') === 'SingleStack' ? Math.max(wanted.length, 1) : 2);
}

function familiesOfIps(addresses: readonly string[]): readonly Family[] {
  return addresses.flatMap((address) => parseIp(address)?.family ?? []);
}

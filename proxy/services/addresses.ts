import { isIPv4 } from 'node:net';
import { formatIp, formatNetwork, parseCidr, parseIp } from '../../cni/index.ts';
import type { Family } from '../types.ts';

/** The address as the kernel writes it, when it is one of the family. */
export function addressOf(family: Family, text: string): string | undefined {
  // The only form of an IPv4 address is what is written already.
  if (isIPv4(text)) return family === 4 ? text : undefined;
  const ip = family === 6 ? parseIp(text) : undefined;
  return ip === undefined ? undefined : formatIp(ip);
}

/** The addresses of a list that are of the family, once each. */
export function addressesOf(family: Family, list: readonly string[]): readonly string[] {
  return list.length === 0 ? list : [...new Set(list.flatMap((text) => addressOf(family, text) ?? []))];
}

/** The networks of a list that are of the family, once each. Space around a CIDR is passed over, as the API's validation does. */
export function networksOf(family: Family, list: readonly string[]): readonly string[] {
  if (list.length === 0) return list;
  const cidrs = list.flatMap((text) => parseCidr(text.trim()) ?? []);
  return [...new Set(cidrs.filter((cidr) => cidr.family === family).map(formatNetwork))];
}

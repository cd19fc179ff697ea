import { isIPv4, isIPv6 } from 'node:net';
import { containsAddress, parseCidr, parseIp } from '../../../cni/index.ts';
import type { FieldPath } from '../field-path.ts';
import { invalid, type FieldProblem } from '../field-problem.ts';
import { dns1123Subdomain } from '../names.ts';
import { check } from '../validate-metadata.ts';

/*
 * Addresses that a Service sends to (`ValidateNonSpecialIP` in pkg/apis/core/validation). A Service must not be a way around
 * what protects the node: its own daemons on loopback, and a cloud's metadata server on a link-local address.
 */

const SPECIAL: readonly (readonly [what: string, cidrs: readonly string[]])[] = [
  ['unspecified', ['0.0.0.0/32', '::/128']],
  ['loopback', ['127.0.0.0/8', '::1/128', '::ffff:127.0.0.0/104']],
  ['link-local', ['169.254.0.0/16', 'fe80::/10', '::ffff:169.254.0.0/112']],
  ['link-local multicast', ['224.0.0.0/24', 'ff02::/16']],
];

const NETWORKS = SPECIAL.flatMap(([what, cidrs]) => cidrs.map((cidr) => ({ what, network: parseCidr(cidr) })));

/** @param type `IPv4`, `IPv6` or `FQDN`; any other type allows an address of both families */
export function validateEndpointAddress(address: string, type: string, path: FieldPath): readonly FieldProblem[] {
  if (type === 'FQDN') return check(address, fullDomain, path);
  return [...check(address, (text) => wrongFamily(text, type), path), ...validateNonSpecial(address, path)];
}

function wrongFamily(address: string, type: string): string | undefined {
  const [four, six] = [isIPv4(address), isIPv6(address) && !address.includes('%')];
  if (type === 'IPv4') return four ? undefined : 'must be an IPv4 address';
  if (type === 'IPv6') return six ? undefined : 'must be an IPv6 address';
  return four || six ? undefined : 'must be an IP address';
}

function validateNonSpecial(address: string, path: FieldPath): readonly FieldProblem[] {
  const ip = parseIp(address);
  if (ip === undefined) return [];
  const kinds = NETWORKS.filter(({ network }) => network !== undefined && containsAddress(network, ip));
  return kinds.map(({ what }) => invalid(path, address, `may not be ${what}`));
}

function fullDomain(name: string): string | undefined {
  const plain = name.replace(/\.$/, '');
  return plain.includes('.') ? dns1123Subdomain(plain) : 'must be a domain name of two parts or more';
}

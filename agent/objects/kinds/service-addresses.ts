import { isIP } from 'node:net';
import type { FieldPath } from '../field-path.ts';
import { duplicate, forbidden, invalid, repeated, tooMany, type FieldProblem } from '../field-problem.ts';
import type { Service } from '../types.ts';
import { check } from '../validate-metadata.ts';
import { oneOf } from '../validate-values.ts';

type Spec = NonNullable<Service['spec']>;

const FAMILIES = ['IPv4', 'IPv6'];
const POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
/** Fields that a name elsewhere has no use for. */
const ADDRESS_FIELDS = ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const;

/** Checks the cluster IPs of a Service and their families (`ValidateServiceClusterIPsRelatedFields`). */
export function validateClusterIps(service: Spec, path: FieldPath): readonly FieldProblem[] {
  if (service.type === 'ExternalName') {
    return ADDRESS_FIELDS.filter((name) => (service[name]?.length ?? 0) > 0).map((name) =>
      forbidden([...path, name], 'may not be set for ExternalName services'),
    );
  }
  return [
    ...validateHeadless(service, path),
    ...validateAddresses(service, path),
    ...validateFamilies(service, [...path, 'ipFamilies']),
    ...(service.ipFamilyPolicy ? oneOf(service.ipFamilyPolicy, POLICIES, [...path, 'ipFamilyPolicy']) : []),
    ...validateSingle(service, path),
  ];
}

function validateHeadless({ clusterIP, clusterIPs = [], type }: Spec, path: FieldPath): readonly FieldProblem[] {
  if (clusterIP === 'None' && (type === 'NodePort' || type === 'LoadBalancer')) {
    return [invalid([...path, 'clusterIP'], clusterIP, `may not be set to 'None' for ${type} services`)];
  }
  const mixed = clusterIPs.includes('None') && clusterIPs.length > 1;
  return mixed ? [invalid([...path, 'clusterIPs'], clusterIPs, "'None' must be the only value")] : [];
}

function validateAddresses(
  { clusterIP = '', clusterIPs = [], ipFamilies = [] }: Spec,
  path: FieldPath,
): readonly FieldProblem[] {
  const at = [...path, 'clusterIPs'];
  if (clusterIP === '') return clusterIPs.length > 0 ? [invalid(at, clusterIPs, 'needs `clusterIP` as well')] : [];
  const differs = clusterIPs[0] !== undefined && clusterIPs[0] !== clusterIP;
  const families = clusterIPs.map((address) => familyOf(address));
  return [
    ...check(clusterIP, clusterAddress, [...path, 'clusterIP']),
    ...(differs ? [invalid(at, clusterIPs, 'first value must match `clusterIP`')] : []),
    ...(clusterIPs.length > 2 ? [tooMany(at, clusterIPs.length, 2)] : []),
    ...clusterIPs.flatMap((address, index) => check(address, clusterAddress, [...at, index])),
    ...repeated(families, (family) => family).map((index) =>
      invalid([...at, index], clusterIPs[index], 'must be of another family than the first address'),
    ),
    ...(clusterIPs.length > 0 ? clusterIPs : [clusterIP]).flatMap((address, index) => {
      const [family, wanted = family] = [familyOf(address), ipFamilies[index]];
      if (family === '' || family === wanted) return [];
      return [
        invalid(
          [...path, 'clusterIPs', index],
          address,
          `must be an ${wanted} address, as ipFamilies[${index}] has it`,
        ),
      ];
    }),
  ];
}

/** Empty for what is no address. */
function familyOf(address: string): string {
  const version = isIP(address);
  return version === 0 ? '' : `IPv${version}`;
}

function clusterAddress(address: string): string | undefined {
  return address === 'None' || isIP(address) !== 0 ? undefined : "must be empty, 'None' or an IP address";
}

function validateFamilies({ ipFamilies = [] }: Spec, path: FieldPath): readonly FieldProblem[] {
  return [
    ...ipFamilies.flatMap((family, index) => oneOf(family, FAMILIES, [...path, index])),
    ...repeated(ipFamilies, (family) => family).map((index) => duplicate([...path, index], ipFamilies[index])),
  ];
}

function validateSingle(
  { ipFamilyPolicy, clusterIPs = [], ipFamilies = [] }: Spec,
  path: FieldPath,
): readonly FieldProblem[] {
  if (ipFamilyPolicy !== 'SingleStack') return [];
  const lists = { clusterIPs, ipFamilies };
  return Object.entries(lists)
    .filter(([, list]) => list.length > 1)
    .map(([name, list]) =>
      invalid([...path, name], list, "must have one value when `ipFamilyPolicy` is 'SingleStack'"),
    );
}

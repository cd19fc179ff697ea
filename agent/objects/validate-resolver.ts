import type { FieldPath } from './field-path.ts';
import { given, invalid, required, type FieldProblem } from './field-problem.ts';
import { dns1123Label, dns1123Subdomain, searchDomain } from './names.ts';
import type { PodSpec } from './types.ts';
import { check } from './validate-metadata.ts';
import { oneOf, validateIp } from './validate-values.ts';

type DnsConfig = NonNullable<PodSpec['dnsConfig']>;

const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];

/** What the resolver of a C library reads of resolv.conf. */
const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARACTERS = 2048;
/** Longest name that Linux can give a host. */
const MAX_HOSTNAME = 64;

/** Checks how a pod is named and how it finds names: hostname, resolv.conf, /etc/hosts. */
export function validateResolver(spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  const { hostname = '', subdomain = '' } = spec;
  return [
    ...(hostname === '' ? [] : check(hostname, dns1123Label, [...path, 'hostname'])),
    ...(subdomain === '' ? [] : check(subdomain, dns1123Label, [...path, 'subdomain'])),
    ...given(spec.hostnameOverride, (name) => validateOverride(name, spec, [...path, 'hostnameOverride'])),
    ...oneOf(spec.dnsPolicy, DNS_POLICIES, [...path, 'dnsPolicy']),
    ...validateDnsNone(spec, [...path, 'dnsConfig']),
    ...given(spec.dnsConfig, (config) => validateDnsConfig(config, [...path, 'dnsConfig'])),
    ...(spec.hostAliases ?? []).flatMap(({ ip, hostnames = [] }, index) => [
      ...validateIp(ip, [...path, 'hostAliases', index, 'ip']),
      ...hostnames.flatMap((name, position) =>
        check(name, dns1123Subdomain, [...path, 'hostAliases', index, 'hostnames', position]),
      ),
    ]),
  ];
}

/** The override is the whole name, so nothing else may make one (KEP-4762). */
function validateOverride(name: string, spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  return [
    ...check(name, dns1123Subdomain, path),
    ...(name.length > MAX_HOSTNAME ? [invalid(path, name, `must be no more than ${MAX_HOSTNAME} characters`)] : []),
    ...(spec.hostNetwork === true ? [invalid(path, name, 'may not be specified when `hostNetwork` is true')] : []),
    ...(spec.setHostnameAsFQDN === true
      ? [invalid(path, name, 'may not be specified when `setHostnameAsFQDN` is true')]
      : []),
  ];
}

/** With the policy None nothing but dnsConfig fills the resolver's configuration. */
function validateDnsNone({ dnsPolicy, dnsConfig }: PodSpec, path: FieldPath): readonly FieldProblem[] {
  if (dnsPolicy !== 'None') return [];
  if (dnsConfig === undefined) return [required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')];
  if ((dnsConfig.nameservers ?? []).length > 0) return [];
  return [required([...path, 'nameservers'], 'must provide at least one DNS nameserver when `dnsPolicy` is None')];
}

/** `validatePodDNSConfig` */
function validateDnsConfig(config: DnsConfig, path: FieldPath): readonly FieldProblem[] {
  const { nameservers = [], searches = [], options = [] } = config;
  const limit = (field: string, value: readonly string[], isOver: boolean, detail: string): readonly FieldProblem[] =>
    isOver ? [invalid([...path, field], value, `must not have more than ${detail}`)] : [];
  return [
    ...limit('nameservers', nameservers, nameservers.length > MAX_NAMESERVERS, `${MAX_NAMESERVERS} nameservers`),
    ...nameservers.flatMap((ip, index) => validateIp(ip, [...path, 'nameservers', index])),
    ...limit('searches', searches, searches.length > MAX_SEARCHES, `${MAX_SEARCHES} search paths`),
    ...limit(
      'searches',
      searches,
      searches.join(' ').length > MAX_SEARCH_CHARACTERS,
      `${MAX_SEARCH_CHARACTERS} characters (including spaces) in the search list`,
    ),
    ...searches.flatMap((search, index) => check(search, searchDomain, [...path, 'searches', index])),
    ...options.flatMap(({ name = '' }, index) =>
      name === '' ? [required([...path, 'options', index], 'must not be empty')] : [],
    ),
  ];
}

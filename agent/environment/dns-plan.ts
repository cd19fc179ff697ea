import type { Pod } from '../objects/types.ts';
import { parseResolvConf, type DnsConfig } from './resolv-conf.ts';

/** Limits of resolvers, `pkg/apis/core/validation` (MaxDNSNameservers, MaxDNSSearchPaths, MaxDNSSearchListChars). */
const maxNameservers = 3;
const maxSearches = 32;
const maxSearchCharacters = 2048;
/** glibc 2.28 aborts on a longer one. */
const maxSearchLength = 253;

/** So that `service.namespace.svc` is tried with the search list first. */
const clusterOptions = ['ndots:5'];

export interface DnsInput {
  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
  /** Text of the file that the configuration's `resolvConf` names; undefined when that is empty, which means no DNS. */
  readonly resolvConfText: string | undefined;
  /** Addresses of the node; their families matter only without `resolvConfText`. */
  readonly nodeIps: readonly string[];
}

/** A warning for an event about the pod. */
export interface DnsProblem {
  readonly reason: 'MissingClusterDNS' | 'DNSConfigForming';
  readonly message: string;
}

export interface PodDns {
  readonly config: DnsConfig;
  readonly problems: readonly DnsProblem[];
}

/** A pod's DNS settings by its `dnsPolicy` and `dnsConfig` (`pkg/kubelet/network/dns/dns.go`, GetPodDNS). */
export function podDns(pod: Pod, input: DnsInput): PodDns {
  const base = baseConfig(pod, input);
  const merged = pod.spec.dnsConfig === undefined ? base.config : merge(base.config, pod.spec.dnsConfig);
  const { config, problems } = applyLimits(merged);
  return { config, problems: [...base.problems, ...problems] };
}

function baseConfig(pod: Pod, input: DnsInput): PodDns {
  const { dnsPolicy, hostNetwork } = pod.spec;
  if (dnsPolicy === 'None') return { config: { nameservers: [], searches: [], options: [] }, problems: [] };
  const cluster = dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && hostNetwork !== true);
  if (!cluster) return { config: hostConfig(input), problems: [] };
  if (input.clusterDNS.length > 0) return { config: clusterConfig(pod, input), problems: [] };
  return { config: hostConfig(input), problems: [missingClusterDns(pod)] };
}

function missingClusterDns({ metadata: { name, namespace, uid } }: Pod): DnsProblem {
  const message =
    `pod: "${name}_${namespace}(${uid})". kubelet does not have ClusterDNS IP configured and cannot create Pod using ` +
    '"ClusterFirst" policy. Falling back to "Default" policy.';
  return { reason: 'MissingClusterDNS', message };
}

/** The node's settings. Without any, a nameserver on the loopback interface, where nothing answers. */
function hostConfig({ resolvConfText, nodeIps }: DnsInput): DnsConfig {
  if (resolvConfText !== undefined) return parseResolvConf(resolvConfText);
  const loopback = nodeIps.map((ip) => (ip.includes(':') ? '::1' : '127.0.0.1'));
  return { nameservers: loopback.length === 0 ? ['127.0.0.1'] : loopback, searches: ['.'], options: [] };
}

/** The cluster's DNS server only: it asks the node's for what it does not know. The node's search domains stay. */
function clusterConfig(pod: Pod, { clusterDNS, clusterDomain, resolvConfText }: DnsInput): DnsConfig {
  const { searches } = parseResolvConf(resolvConfText ?? '');
  const service = `svc.${clusterDomain}`;
  const own = [`${pod.metadata.namespace}.${service}`, service, clusterDomain];
  return {
    nameservers: clusterDNS,
    searches: clusterDomain === '' ? searches : unique([...own, ...searches]),
    options: clusterOptions,
  };
}

function merge(config: DnsConfig, added: NonNullable<Pod['spec']['dnsConfig']>): DnsConfig {
  return {
    nameservers: unique([...config.nameservers, ...(added.nameservers ?? [])]),
    searches: unique([...config.searches, ...(added.searches ?? [])]),
    options: mergeOptions([
      ...config.options.map(splitOption),
      ...(added.options ?? []).map(({ name = '', value = '' }): Option => [name, value]),
    ]),
  };
}

type Option = readonly [name: string, value: string];

function splitOption(option: string): Option {
  const colon = option.indexOf(':');
  return colon === -1 ? [option, ''] : [option.slice(0, colon), option.slice(colon + 1)];
}

/** Of two with one name the last counts. */
function mergeOptions(options: readonly Option[]): readonly string[] {
  return [...new Map(options)].map(([name, value]) => (value === '' ? name : `${name}:${value}`));
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

function applyLimits(config: DnsConfig): PodDns {
  const nameservers = config.nameservers.slice(0, maxNameservers);
  const searches = fittingSearches(config.searches);
  return {
    config: { nameservers, searches, options: config.options },
    problems: [
      ...exceeded('Nameserver limits', 'nameservers', 'nameserver line', nameservers, config.nameservers),
      ...exceeded('Search Line limits', 'search paths', 'search line', searches, config.searches),
    ],
  };
}

function exceeded(
  limits: string,
  things: string,
  line: string,
  kept: readonly string[],
  wanted: readonly string[],
): readonly DnsProblem[] {
  if (kept.length === wanted.length) return [];
  const message = `${limits} were exceeded, some ${things} have been omitted, the applied ${line} is: ${kept.join(' ')}`;
  return [{ reason: 'DNSConfigForming', message }];
}

/** The first 32, without those that are too long, and of them as many as fit in a line. */
function fittingSearches(searches: readonly string[]): readonly string[] {
  const usable = searches.slice(0, maxSearches).filter((domain) => domain.length <= maxSearchLength);
  const fit = usable.findIndex((_, index) => usable.slice(0, index + 1).join(' ').length > maxSearchCharacters);
  return fit === -1 ? usable : usable.slice(0, fit);
}

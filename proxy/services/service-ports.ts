import type { Family, Protocol, ServicePortPlan } from '../types.ts';
import { addressesOf, networksOf } from './addresses.ts';
import { isForeign, type ServiceInput, type ServicePortSpec, type ServiceSpec } from './input.ts';

/** What a Service says of one of its ports: a plan without endpoints. */
export type ServicePort = Omit<
  ServicePortPlan,
  'clusterEndpoints' | 'localEndpoints' | 'allEndpoints' | 'formerEndpoints' | 'hasAnyEndpoints'
>;

/** Seconds that a client stays with its endpoint (`DefaultClientIPServiceAffinitySeconds`, pkg/apis/core/types.go). */
const DEFAULT_AFFINITY_SECONDS = 10_800;

/**
 * The ports of a Service in one address family, in its order (`pkg/proxy/{serviceport,servicechangetracker}.go`). None when it
 * has no cluster IP of the family, is headless or ExternalName, or is for another proxy.
 */
export function servicePortsOf(service: ServiceInput, family: Family): readonly ServicePort[] {
  const { metadata, spec = {} } = service;
  const clusterIp = clusterIpOf(spec, family);
  if (clusterIp === undefined || spec.type === 'ExternalName' || isForeign(service)) return [];
  const shared = sharedByPorts(service, spec, family);
  return (spec.ports ?? []).flatMap((port) => {
    const protocol = protocolOf(port);
    if (protocol === undefined) return [];
    const name = { namespace: metadata.namespace, name: metadata.name, port: port.name ?? '' };
    return [{ name, protocol, clusterIp, port: port.port, nodePort: port.nodePort ?? 0, ...shared }];
  });
}

function clusterIpOf({ clusterIP = '', clusterIPs = [] }: ServiceSpec, family: Family): string | undefined {
  const [address] = addressesOf(family, clusterIPs.length === 0 ? [clusterIP] : clusterIPs);
  return address;
}

function sharedByPorts(
  service: ServiceInput,
  spec: ServiceSpec,
  family: Family,
): Omit<ServicePort, 'name' | 'protocol' | 'clusterIp' | 'port' | 'nodePort'> {
  const externalPolicyLocal = isExternallyAccessible(spec) && spec.externalTrafficPolicy === 'Local';
  const checked = externalPolicyLocal && spec.type === 'LoadBalancer';
  return {
    family,
    healthCheckNodePort: checked ? (spec.healthCheckNodePort ?? 0) : 0,
    externalIps: addressesOf(family, spec.externalIPs ?? []),
    loadBalancerIps: loadBalancerIpsOf(service, family),
    sourceRanges: networksOf(family, spec.loadBalancerSourceRanges ?? []),
    affinitySeconds: affinityOf(spec),
    internalPolicyLocal: spec.internalTrafficPolicy === 'Local',
    externalPolicyLocal,
  };
}

/** By what the Service asks for (`ExternallyAccessible`, pkg/api/v1/service/util.go). */
function isExternallyAccessible({ type = 'ClusterIP', externalIPs = [] }: ServiceSpec): boolean {
  return type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && externalIPs.length > 0);
}

/** A load balancer of mode Proxy sends to node ports, and must get what is sent to its own address. */
function loadBalancerIpsOf({ status }: ServiceInput, family: Family): readonly string[] {
  const ingress = status?.loadBalancer?.ingress ?? [];
  const addresses = ingress.filter(({ ipMode = 'VIP' }) => ipMode === 'VIP').map(({ ip = '' }) => ip);
  return addressesOf(family, addresses);
}

function affinityOf({ sessionAffinity, sessionAffinityConfig }: ServiceSpec): number | undefined {
  if (sessionAffinity !== 'ClientIP') return undefined;
  return sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS;
}

function protocolOf({ protocol = 'TCP' }: ServicePortSpec): Protocol | undefined {
  return protocol === 'TCP' || protocol === 'UDP' || protocol === 'SCTP' ? protocol : undefined;
}

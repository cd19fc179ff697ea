import type { Endpoint, ProxyPlan, ProxySettings, ServicePortPlan } from '../../../../proxy/types.ts';

export const settings: ProxySettings = {
  family: 4,
  localDetector: { mode: 'ClusterCIDR', cidr: '203.0.113.0/24' },
  masqueradeAll: false,
  masqueradeBit: 14,
  nodePortCidrs: undefined,
  nodeIps: ['198.51.100.1'],
  localhostNodePorts: false,
};

export const settings6: ProxySettings = {
  ...settings,
  family: 6,
  localDetector: { mode: 'ClusterCIDR', cidr: '2001:db8:1::/64' },
  nodeIps: ['2001:db8:2::1'],
};

/** `203.0.113.1:8080`, `[2001:db8:1::5]:8080`; local where said so. */
export function endpoint(text: string, isLocal = false): Endpoint {
  const [, ip = '', port = ''] = /^\[?(.+?)\]?:(\d+)$/.exec(text) ?? [];
  return { ip, port: Number(port), isLocal, ready: true, serving: true, terminating: false };
}

export interface ServiceSketch extends Partial<Omit<ServicePortPlan, 'name'>> {
  readonly endpoints?: readonly Endpoint[];
}

/** A Service port `lab/NAME:http` on 192.0.2.129:80, with what the sketch says. Endpoints are used as the policies ask. */
export function service(name: string, { endpoints = [], ...rest }: ServiceSketch = {}): ServicePortPlan {
  const local = endpoints.filter(({ isLocal }) => isLocal);
  return {
    name: { namespace: 'lab', name, port: 'http' },
    protocol: 'TCP',
    family: 4,
    clusterIp: '192.0.2.129',
    port: 80,
    nodePort: 0,
    healthCheckNodePort: 0,
    externalIps: [],
    loadBalancerIps: [],
    sourceRanges: [],
    affinitySeconds: undefined,
    internalPolicyLocal: false,
    externalPolicyLocal: false,
    clusterEndpoints: endpoints,
    localEndpoints: rest.internalPolicyLocal === true || rest.externalPolicyLocal === true ? local : [],
    allEndpoints: endpoints,
    hasAnyEndpoints: endpoints.length > 0,
    ...rest,
  };
}

export const planOf = (services: readonly ServicePortPlan[], of: ProxySettings = settings): ProxyPlan => ({
  settings: of,
  services,
});

import type { Endpoint, ProxyPlan, ProxySettings, ServicePortPlan } from '../../../../proxy/types.ts';
import { SETTINGS, WEB } from '../defaults.ts';

export { SETTINGS as settings };

export const settings6: ProxySettings = {
  ...SETTINGS,
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
    ...WEB,
    name: { namespace: 'lab', name, port: 'http' },
    clusterIp: '192.0.2.129',
    clusterEndpoints: endpoints,
    localEndpoints: rest.internalPolicyLocal === true || rest.externalPolicyLocal === true ? local : [],
    allEndpoints: endpoints,
    hasAnyEndpoints: endpoints.length > 0,
    ...rest,
  };
}

export const planOf = (services: readonly ServicePortPlan[], of: ProxySettings = SETTINGS): ProxyPlan => ({
  settings: of,
  services,
});

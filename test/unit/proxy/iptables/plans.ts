import type { Endpoint, Family, ProxyPlan, ProxySettings, ServicePortPlan } from '../../../../proxy/types.ts';
import { SETTINGS, WEB } from '../defaults.ts';

export { SETTINGS };

export const SETTINGS_6: ProxySettings = {
  ...SETTINGS,
  family: 6,
  localDetector: { mode: 'BridgeInterface', bridge: 'cni0' },
  nodeIps: ['2001:db8:2::1'],
};

export function endpoint(ip: string, rest: Partial<Endpoint> = {}): Endpoint {
  return { ip, port: 8080, isLocal: false, ready: true, serving: true, terminating: false, ...rest };
}

export const LOCAL = endpoint('203.0.113.1', { isLocal: true });
export const REMOTE = endpoint('203.0.113.130');

type Shape = Omit<ServicePortPlan, 'name' | 'allEndpoints' | 'localEndpoints' | 'hasAnyEndpoints'>;

/** A port of `lab/web` with endpoints for all traffic; those of the policy Local are the local ones, when a policy is Local. */
export function port(endpoints: readonly Endpoint[], rest: Partial<Shape> & { name?: string } = {}): ServicePortPlan {
  const { name = 'web', ...given } = rest;
  const shape = { ...WEB, ...given };
  const isReached = shape.nodePort !== 0 || shape.loadBalancerIps.length > 0 || shape.externalIps.length > 0;
  const usesLocal = shape.internalPolicyLocal || (shape.externalPolicyLocal && isReached);
  const clusterEndpoints = shape.internalPolicyLocal && !isReached ? [] : endpoints;
  const localEndpoints = usesLocal ? endpoints.filter(({ isLocal }) => isLocal) : [];
  return {
    ...shape,
    name: { namespace: 'lab', name, port: 'http' },
    clusterEndpoints,
    localEndpoints,
    allEndpoints: endpoints.filter((each) => clusterEndpoints.includes(each) || localEndpoints.includes(each)),
    hasAnyEndpoints: endpoints.length > 0,
  };
}

export function planOf(services: readonly ServicePortPlan[], settings: Partial<ProxySettings> = {}): ProxyPlan {
  return { settings: { ...SETTINGS, ...settings }, services };
}

/** Many ports with endpoints of their own. */
export function manyPorts(services: number, endpoints: number, family: Family = 4): readonly ServicePortPlan[] {
  return Array.from({ length: services }, (_, index) =>
    port(
      Array.from({ length: endpoints }, (_each, number) =>
        endpoint(`203.0.113.${(index + number) % 250}`, { port: 1_000 + Math.floor(index / 250) }),
      ),
      { name: `web-${index}`, family, clusterIp: `192.0.2.${index % 250}`, port: 1 + Math.floor(index / 250) },
    ),
  );
}

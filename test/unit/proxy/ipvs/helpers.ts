import type { Endpoint, ProxyPlan, ProxySettings, ServicePortPlan } from '../../../../proxy/types.ts';
import { desiredState, type PlanContext, shareOfPort } from '../../../../proxy/ipvs/plan.ts';
import type { IpvsState } from '../../../../proxy/ipvs/state.ts';
import { SETTINGS as USUAL, WEB } from '../defaults.ts';

export const SETTINGS: ProxySettings = { ...USUAL, nodeIps: ['127.0.0.1', '198.51.100.1'] };

export const CONTEXT: PlanContext = { settings: SETTINGS, scheduler: 'rr', otherAddresses: new Set(['198.51.100.7']) };

export const EMPTY: IpvsState = { servers: new Map(), sets: new Map(), addresses: undefined };

export function endpoint(ip: string, rest: Partial<Endpoint> = {}): Endpoint {
  return { ip, port: 8080, isLocal: true, ready: true, serving: true, terminating: false, ...rest };
}

/** A port with endpoints; those that are local are the local ones. */
export function port(endpoints: readonly Endpoint[], rest: Partial<ServicePortPlan> = {}): ServicePortPlan {
  return {
    ...WEB,
    clusterIp: '192.0.2.130',
    clusterEndpoints: endpoints,
    localEndpoints: endpoints.filter(({ isLocal }) => isLocal),
    allEndpoints: endpoints,
    hasAnyEndpoints: endpoints.length > 0,
    ...rest,
  };
}

export const planOf = (services: readonly ServicePortPlan[]): ProxyPlan => ({ settings: SETTINGS, services });

export function stateOf(services: readonly ServicePortPlan[], context = CONTEXT): IpvsState {
  return desiredState({ settings: context.settings, services }, (service) => shareOfPort(service, context));
}

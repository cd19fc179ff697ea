import type { ServiceInput, ServiceSpec, SliceEndpoint, SliceInput } from '../../../../proxy/services/input.ts';
import type { Endpoint, Family, ProxySettings } from '../../../../proxy/types.ts';

export { WEB } from '../defaults.ts';

export const NODE = 'node-a';
export const ZONE = 'zone-1';
export const LABELS = { 'topology.kubernetes.io/zone': ZONE };

export const SETTINGS: Readonly<Record<Family, ProxySettings>> = { 4: settingsOf(4), 6: settingsOf(6) };

function settingsOf(family: Family): ProxySettings {
  return {
    family,
    localDetector: { mode: 'None' },
    masqueradeAll: false,
    masqueradeBit: 14,
    nodePortCidrs: undefined,
    nodeIps: [],
    localhostNodePorts: false,
  };
}

/** A Service `lab/web` at 192.0.2.10 with the port 80. */
export function service(spec: ServiceSpec = {}, rest: Partial<ServiceInput> = {}): ServiceInput {
  return {
    metadata: { namespace: 'lab', name: 'web' },
    spec: { clusterIP: '192.0.2.10', ports: [{ port: 80 }], ...spec },
    ...rest,
  };
}

/** An IPv4 slice of the Service `lab/web` with the port 8080. */
export function slice(endpoints: readonly SliceEndpoint[], rest: Partial<SliceInput> = {}): SliceInput {
  return {
    metadata: { namespace: 'lab', name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints,
    ...rest,
  };
}

export function endpoint(ip: string, rest: Partial<Endpoint> = {}): Endpoint {
  return { ip, port: 8080, isLocal: false, ready: true, serving: true, terminating: false, ...rest };
}

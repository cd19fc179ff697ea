import type { Service } from '../../../agent/objects/types.ts';
import type { ServicePod, ServiceSpec } from '../../../agent/services/types.ts';

/** A Service of the namespace `lab` with the port 80. */
export function service(spec: ServiceSpec = {}, name = 'web', labels: Record<string, string> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'lab', name, uid: `uid-${name}`, labels, annotations: {} },
    spec: { type: 'ClusterIP', ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }], ...spec },
  };
}

/** A ready pod of the namespace `lab` with the label app=web. */
export function pod(name: string, rest: Partial<ServicePod> = {}): ServicePod {
  return {
    namespace: 'lab',
    name,
    uid: `uid-${name}`,
    labels: { app: 'web' },
    podIps: ['198.51.100.1'],
    phase: 'Running',
    ready: true,
    terminating: false,
    hostname: undefined,
    subdomain: undefined,
    ports: [],
    ...rest,
  };
}

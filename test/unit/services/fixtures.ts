import { endpointSlicesOf } from '../../../agent/services/index.ts';
import {
  type ProxyReport,
  reportServices,
  type ServicesReport,
  type ServicesState,
} from '../../../agent/services/report.ts';
import type { TraceKnowledge } from '../../../agent/services/trace-plan.ts';
import { planServices } from '../../../proxy/services/index.ts';
import type { Pod, Service } from '../../../agent/objects/types.ts';
import { settingsOf } from '../../scenarios/world.ts';
import { pod as apiPod } from '../server/fixtures.ts';
import { pod, service } from './helpers.ts';

/** A Service with two pods, one that has none, one that is an alias. */
export const services: readonly Service[] = [
  service({
    type: 'NodePort',
    clusterIP: '192.0.2.129',
    clusterIPs: ['192.0.2.129', '2001:db8:a::1'],
    selector: { app: 'web' },
    ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080, nodePort: 30_080 }],
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Local',
  }),
  service({ clusterIP: '192.0.2.130', clusterIPs: ['192.0.2.130'], selector: { app: 'none' } }, 'empty'),
  service({ type: 'ExternalName', externalName: 'db.example.com' }, 'alias'),
];

const servicePods = [
  pod('one', { podIps: ['203.0.113.2', '2001:db8:1::2'] }),
  pod('two', { podIps: ['203.0.113.3', '2001:db8:1::3'], ready: false }),
  pod('three', { podIps: ['203.0.113.4'], terminating: true }),
];

const slices = services.flatMap((one) => endpointSlicesOf(one, servicePods, 'node-1'));

export const plans = planServices({
  services: [...services],
  slices: [...slices],
  nodeName: 'node-1',
  nodeLabels: {},
  settings: { 4: settingsOf(4), 6: settingsOf(6) },
});

export const problem = {
  origin: 'web.yaml',
  severity: 'error',
  message: 'the address 192.0.2.129 is taken',
  path: 'spec.clusterIP',
  object: 'Service/lab/late',
} as const;

/** @param kernel what is there, by the plans */
export function servicesReport(proxy: ProxyReport, kernel?: ServicesState['kernel']): ServicesReport {
  const rest = kernel === undefined ? {} : { kernel };
  return reportServices({ proxy, services: [...services].reverse(), slices, plans, problems: [problem], ...rest });
}

const running = (name: string, ips: readonly string[], spec: Partial<Pod['spec']> = {}): Pod => {
  const made = apiPod(name, { phase: 'Running', podIPs: ips.map((ip) => ({ ip })) }, spec);
  return { ...made, metadata: { ...made.metadata, namespace: 'lab', name } };
};

export const known: TraceKnowledge = {
  mode: 'iptables',
  plans,
  nodeName: 'node-1',
  pods: [
    running('one-node-1', ['203.0.113.2', '2001:db8:1::2']),
    running('client', ['203.0.113.9']),
    running('host', ['198.51.100.1'], { hostNetwork: true }),
    running('pending', []),
  ],
  services,
  localAddresses: ['198.51.100.1', '203.0.113.1', '2001:db8:2::1'],
};

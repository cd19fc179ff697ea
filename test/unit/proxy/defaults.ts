import type { ProxySettings, ServicePortPlan } from '../../../proxy/types.ts';

/** A node at 198.51.100.1 whose pods are in 203.0.113.0/24. */
export const SETTINGS: ProxySettings = {
  family: 4,
  localDetector: { mode: 'ClusterCIDR', cidr: '203.0.113.0/24' },
  masqueradeAll: false,
  masqueradeBit: 14,
  nodePortCidrs: undefined,
  nodeIps: ['198.51.100.1'],
  localhostNodePorts: false,
};

/** A port of `lab/web` that has a cluster IP only, and no endpoints. */
export const WEB: ServicePortPlan = {
  name: { namespace: 'lab', name: 'web', port: '' },
  protocol: 'TCP',
  family: 4,
  clusterIp: '192.0.2.10',
  port: 80,
  nodePort: 0,
  healthCheckNodePort: 0,
  externalIps: [],
  loadBalancerIps: [],
  sourceRanges: [],
  affinitySeconds: undefined,
  internalPolicyLocal: false,
  externalPolicyLocal: false,
  clusterEndpoints: [],
  localEndpoints: [],
  allEndpoints: [],
  hasAnyEndpoints: false,
};

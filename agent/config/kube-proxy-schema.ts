import { z } from 'zod';
import { boolean, booleanMap, duration, ignored, integer, number, object, oneOf, string, strings } from './fields.ts';

const conntrack = object({
  maxPerCore: integer,
  min: integer,
  tcpEstablishedTimeout: duration,
  tcpCloseWaitTimeout: duration,
  tcpBeLiberal: boolean,
  udpTimeout: duration,
  udpStreamTimeout: duration,
});

const sync = { syncPeriod: duration, minSyncPeriod: duration, masqueradeAll: boolean, masqueradeBit: integer };

/**
 * `kind: KubeProxyConfiguration` (kubernetes/kubernetes `staging/src/k8s.io/kube-proxy/config/v1alpha1`): checked, and
 * acted on by later versions.
 */
export const kubeProxySchema = z.strictObject({
  apiVersion: z.literal('kubeproxy.config.k8s.io/v1alpha1'),
  kind: z.literal('KubeProxyConfiguration'),
  featureGates: booleanMap,
  clientConnection: object({
    kubeconfig: string,
    acceptContentTypes: string,
    contentType: string,
    qps: number,
    burst: integer,
  }),
  logging: ignored,
  hostnameOverride: string,
  bindAddress: string,
  healthzBindAddress: string,
  metricsBindAddress: string,
  bindAddressHardFail: boolean,
  enableProfiling: boolean,
  showHiddenMetricsForVersion: string,
  mode: oneOf(['', 'iptables', 'ipvs', 'nftables', 'auto']),
  iptables: object({ ...sync, localhostNodePorts: boolean }),
  ipvs: object({
    ...sync,
    scheduler: oneOf(['', 'rr', 'wrr', 'lc', 'wlc', 'dh', 'sh', 'sed', 'nq', 'mh']),
    excludeCIDRs: strings,
    strictARP: boolean,
    tcpTimeout: duration,
    tcpFinTimeout: duration,
    udpTimeout: duration,
  }),
  nftables: object(sync),
  winkernel: ignored,
  detectLocalMode: oneOf(['', 'ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix']),
  detectLocal: object({ bridgeInterface: string, interfaceNamePrefix: string }),
  clusterCIDR: string,
  nodePortAddresses: strings,
  oomScoreAdj: integer,
  conntrack,
  configSyncPeriod: duration,
  portRange: string,
  windowsRunAsService: ignored,
});

export type KubeProxyConfiguration = z.infer<typeof kubeProxySchema>;

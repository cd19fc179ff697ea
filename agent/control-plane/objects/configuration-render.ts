import { dnsAddress } from '../addresses.ts';
import { renderYaml } from '../manifests/pod-render.ts';
import { componentNames, type Argument, type Fields, type InitSettings, serverUrl } from '../settings.ts';
import {
  bootstrappers,
  clusterRoleBinding,
  configMap,
  type NewObject,
  nodes,
  readableConfigMap,
  serviceAccount,
} from './make-render.ts';

/** The ConfigMaps that `podwright join` and `kubeadm join` read (`phases/uploadconfig`, `phases/kubelet`). */
export function configObjects(settings: InitSettings): readonly NewObject[] {
  const { minor } = settings.version;
  const readers = [nodes, bootstrappers];
  const name = minor >= 24 ? 'kubelet-config' : `kubelet-config-1.${minor}`;
  return [
    configMap('kube-system', 'kubeadm-config', { ClusterConfiguration: renderYaml(clusterConfiguration(settings)) }),
    ...readableConfigMap('kube-system', 'kubeadm-config', 'kubeadm:nodes-kubeadm-config', readers),
    configMap('kube-system', name, { kubelet: renderYaml(kubeletConfiguration(settings)) }),
    ...readableConfigMap('kube-system', name, `kubeadm:${name}`, readers),
  ];
}

/** The configuration of every node's kubelet, with the values of kubeadm (`componentconfigs/kubelet.go`). */
export function kubeletConfiguration(settings: InitSettings): Fields {
  const { certificatesDir, serviceSubnet, dnsDomain, paths, kubeletConfig } = settings;
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    authentication: {
      anonymous: { enabled: false },
      webhook: { cacheTTL: '0s', enabled: true },
      x509: { clientCAFile: `${certificatesDir}/ca.crt` },
    },
    authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: '0s', cacheUnauthorizedTTL: '0s' } },
    clusterDNS: [dnsAddress(serviceSubnet)],
    clusterDomain: dnsDomain,
    healthzBindAddress: '127.0.0.1',
    healthzPort: 10248,
    kind: 'KubeletConfiguration',
    rotateCertificates: true,
    staticPodPath: paths.manifests,
    ...kubeletConfig,
  };
}

/**
 * The configuration of the proxy, which podwright reads when a node joins; it has no DaemonSet, as each node's daemon is the
 * proxy. The binding is for them, and for kube-proxy where somebody runs it on other nodes.
 */
export function proxyObjects(settings: InitSettings): readonly NewObject[] {
  const account = '/var/run/secrets/kubernetes.io/serviceaccount';
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { cluster: { 'certificate-authority': `${account}/ca.crt`, server: serverUrl(settings) }, name: 'default' },
    ],
    contexts: [{ context: { cluster: 'default', namespace: 'default', user: 'default' }, name: 'default' }],
    'current-context': 'default',
    users: [{ name: 'default', user: { tokenFile: `${account}/token` } }],
  };
  const proxyAccount = { kind: 'ServiceAccount', name: 'kube-proxy', namespace: 'kube-system' } as const;
  const data = {
    'config.conf': renderYaml(kubeProxyConfiguration(settings)),
    'kubeconfig.conf': renderYaml(kubeconfig),
  };
  return [
    serviceAccount('kube-system', 'kube-proxy'),
    clusterRoleBinding('kubeadm:node-proxier', 'system:node-proxier', [proxyAccount]),
    clusterRoleBinding('podwright:node-proxier', 'system:node-proxier', [nodes]),
    configMap('kube-system', 'kube-proxy', data),
    ...readableConfigMap('kube-system', 'kube-proxy', 'kube-proxy', [bootstrappers]),
  ];
}

export function kubeProxyConfiguration({ podSubnet, advertiseAddress, kubeProxyConfig }: InitSettings): Fields {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    bindAddress: advertiseAddress.includes(':') ? '::' : '0.0.0.0',
    clientConnection: { kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf' },
    ...(podSubnet === undefined ? {} : { clusterCIDR: podSubnet }),
    kind: 'KubeProxyConfiguration',
    mode: '',
    ...kubeProxyConfig,
  };
}

/** v1beta4 came with 1.31, v1beta3 with 1.22. */
function clusterConfiguration(settings: InitSettings): Fields {
  const { version, clusterName, certificatesDir, controlPlaneEndpoint, certSans, images } = settings;
  const { podSubnet, serviceSubnet, dnsDomain, etcdDataDir, keyAlgorithm } = settings;
  const apiVersion = version.minor >= 31 ? 'v1beta4' : version.minor >= 22 ? 'v1beta3' : 'v1beta2';
  const args = Object.fromEntries(
    componentNames.map((name) => [name, extraArgs(settings.components[name].extraArgs, apiVersion)]),
  );
  const timeout = `${Math.round(settings.startTimeoutMs / 1000)}s`;
  return {
    apiServer: {
      ...(certSans.length === 0 ? {} : { certSANs: certSans }),
      ...args['kube-apiserver'],
      ...(apiVersion === 'v1beta4' ? {} : { timeoutForControlPlane: timeout }),
    },
    apiVersion: `kubeadm.k8s.io/${apiVersion}`,
    certificatesDir,
    clusterName,
    ...(controlPlaneEndpoint === undefined ? {} : { controlPlaneEndpoint }),
    controllerManager: args['kube-controller-manager'],
    dns: {},
    ...(apiVersion === 'v1beta4' ? { encryptionAlgorithm: keyAlgorithm } : {}),
    etcd: { local: { dataDir: etcdDataDir, ...args['etcd'] } },
    imageRepository: images['kube-apiserver'].replace(/\/kube-apiserver:.*$/, ''),
    kind: 'ClusterConfiguration',
    kubernetesVersion: version.text,
    networking: { dnsDomain, ...(podSubnet === undefined ? {} : { podSubnet }), serviceSubnet },
    scheduler: args['kube-scheduler'],
  };
}

/** A map up to v1beta3, a list since. */
function extraArgs(args: readonly Argument[], apiVersion: string): Fields {
  if (args.length === 0) return {};
  if (apiVersion === 'v1beta4') return { extraArgs: args };
  return { extraArgs: Object.fromEntries(args.map(({ name, value }) => [name, value])) };
}

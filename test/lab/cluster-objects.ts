import { stringify } from 'yaml';

/*
 * What `kubeadm init` makes in a cluster for nodes that join it, by kubeadm's names (cmd/kubeadm/app/phases: bootstraptoken,
 * kubelet, uploadconfig, addons/proxy). ConfigMaps of 1.20 and of later releases stand beside each other, as after upgrades.
 */

export const nodeBootstrapGroup = 'system:bootstrappers:kubeadm:default-node-token';

export interface ClusterFacts {
  readonly url: string;
  /** The CA's certificate, PEM. */
  readonly ca: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** The DNS Service's address, whether or not there is one. */
  readonly clusterDns: string;
  /** Over the fields of kubeadm's KubeletConfiguration. */
  readonly kubeletConfiguration: Readonly<Record<string, unknown>>;
  /** Over the fields of kubeadm's KubeProxyConfiguration. */
  readonly kubeProxyConfiguration: Readonly<Record<string, unknown>>;
}

interface Subject {
  readonly kind: 'Group' | 'ServiceAccount' | 'User';
  readonly name: string;
  readonly namespace?: string;
}

const bootstrappers: Subject = { kind: 'Group', name: nodeBootstrapGroup };
const nodes: Subject = { kind: 'Group', name: 'system:nodes' };
const proxyAccount: Subject = { kind: 'ServiceAccount', name: 'kube-proxy', namespace: 'kube-system' };
const rbac = 'rbac.authorization.k8s.io';

export function clusterObjects(facts: ClusterFacts): readonly object[] {
  return [...bootstrapObjects(), ...clusterInfo(facts), ...configObjects(facts), ...proxyObjects(facts)];
}

export interface TokenFacts {
  readonly token: string;
  /** Undefined: never. */
  readonly expires: Date | undefined;
  readonly groups: readonly string[];
  /** Whether it signs cluster-info. */
  readonly signing: boolean;
}

export function tokenSecret({ token, expires, groups, signing }: TokenFacts): object {
  const [id = '', secret = ''] = token.split('.');
  return {
    ...{ apiVersion: 'v1', kind: 'Secret', type: 'bootstrap.kubernetes.io/token' },
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    stringData: {
      'token-id': id,
      'token-secret': secret,
      ...(expires === undefined ? {} : { expiration: expires.toISOString().replace(/\.\d+Z$/, 'Z') }),
      'usage-bootstrap-authentication': 'true',
      ...(signing ? { 'usage-bootstrap-signing': 'true' } : {}),
      'auth-extra-groups': groups.join(','),
    },
  };
}

function bootstrapObjects(): readonly object[] {
  const csr = 'system:certificates.k8s.io:certificatesigningrequests';
  return [
    clusterRoleBinding('kubeadm:kubelet-bootstrap', 'system:node-bootstrapper', bootstrappers),
    clusterRoleBinding('kubeadm:node-autoapprove-bootstrap', `${csr}:nodeclient`, bootstrappers),
    clusterRoleBinding('kubeadm:node-autoapprove-certificate-rotation', `${csr}:selfnodeclient`, nodes),
    clusterRole('kubeadm:get-nodes', { apiGroups: [''], resources: ['nodes'], verbs: ['get'] }),
    clusterRoleBinding('kubeadm:get-nodes', 'kubeadm:get-nodes', bootstrappers),
  ];
}

function clusterInfo({ url, ca }: ClusterFacts): readonly object[] {
  const kubeconfig = {
    ...{ apiVersion: 'v1', kind: 'Config', preferences: {}, 'current-context': '' },
    clusters: [
      { name: '', cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') } },
    ],
    ...{ contexts: null, users: null },
  };
  const anonymous: Subject = { kind: 'User', name: 'system:anonymous' };
  return [
    configMap('kube-public', 'cluster-info', { kubeconfig: stringify(kubeconfig) }),
    ...readableConfigMap('kube-public', 'cluster-info', 'kubeadm:bootstrap-signer-clusterinfo', [anonymous]),
  ];
}

/** Up to 1.23 kubeadm asks by the version that the kubelet tells: 1.32 is podwright's. */
const kubeletConfigNames = ['kubelet-config-1.20', 'kubelet-config-1.32', 'kubelet-config'];

function configObjects(facts: ClusterFacts): readonly object[] {
  const readers = [nodes, bootstrappers];
  const kubelet = { kubelet: stringify(kubeletConfiguration(facts)) };
  const { podCidr, serviceCidr } = facts;
  const cluster = {
    ...{ apiVersion: 'kubeadm.k8s.io/v1beta2', kind: 'ClusterConfiguration' },
    ...{ clusterName: 'kubernetes', kubernetesVersion: 'v1.20.2', controlPlaneEndpoint: new URL(facts.url).host },
    networking: { dnsDomain: 'cluster.local', podSubnet: podCidr, serviceSubnet: serviceCidr },
  };
  return [
    ...kubeletConfigNames.flatMap((name) => [
      configMap('kube-system', name, kubelet),
      ...readableConfigMap('kube-system', name, `kubeadm:${name}`, readers),
    ]),
    configMap('kube-system', 'kubeadm-config', { ClusterConfiguration: stringify(cluster) }),
    ...readableConfigMap('kube-system', 'kubeadm-config', 'kubeadm:nodes-kubeadm-config', readers),
  ];
}

function kubeletConfiguration({ clusterDns, kubeletConfiguration: overrides }: ClusterFacts): object {
  return {
    ...{ apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration' },
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true, cacheTTL: '0s' },
      x509: { clientCAFile: '/etc/kubernetes/pki/ca.crt' },
    },
    authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: '0s', cacheUnauthorizedTTL: '0s' } },
    ...{ clusterDNS: [clusterDns], clusterDomain: 'cluster.local' },
    ...{ healthzBindAddress: '127.0.0.1', healthzPort: 10248 },
    ...{ rotateCertificates: true, staticPodPath: '/etc/kubernetes/manifests' },
    ...overrides,
  };
}

function proxyObjects({ url, podCidr, kubeProxyConfiguration: overrides }: ClusterFacts): readonly object[] {
  const configuration = {
    ...{ apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration' },
    ...{ bindAddress: '0.0.0.0', clusterCIDR: podCidr, mode: '' },
    clientConnection: { kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf' },
    ...overrides,
  };
  const account = '/var/run/secrets/kubernetes.io/serviceaccount';
  const kubeconfig = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'default' },
    clusters: [{ name: 'default', cluster: { 'certificate-authority': `${account}/ca.crt`, server: url } }],
    contexts: [{ name: 'default', context: { cluster: 'default', namespace: 'default', user: 'default' } }],
    users: [{ name: 'default', user: { tokenFile: `${account}/token` } }],
  };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'kube-proxy', namespace: 'kube-system' } },
    clusterRoleBinding('kubeadm:node-proxier', 'system:node-proxier', proxyAccount),
    configMap('kube-system', 'kube-proxy', {
      'config.conf': stringify(configuration),
      'kubeconfig.conf': stringify(kubeconfig),
    }),
    ...readableConfigMap('kube-system', 'kube-proxy', 'kube-proxy', [bootstrappers]),
  ];
}

function configMap(namespace: string, name: string, data: Readonly<Record<string, string>>): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
}

/** A role of that name, and a binding of the same name. */
function readableConfigMap(
  namespace: string,
  map: string,
  name: string,
  subjects: readonly Subject[],
): readonly object[] {
  const metadata = { name, namespace };
  const rules = [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [map], verbs: ['get'] }];
  const roleRef = { apiGroup: rbac, kind: 'Role', name };
  return [
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules },
    { apiVersion: `${rbac}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects: subjects.map(withGroup) },
  ];
}

function clusterRole(name: string, rule: object): object {
  return { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name }, rules: [rule] };
}

function clusterRoleBinding(name: string, role: string, subject: Subject): object {
  const roleRef = { apiGroup: rbac, kind: 'ClusterRole', name: role };
  return {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef,
    subjects: [withGroup(subject)],
  };
}

function withGroup(subject: Subject): object {
  return subject.kind === 'ServiceAccount' ? subject : { ...subject, apiGroup: rbac };
}

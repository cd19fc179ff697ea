import { dnsAddress } from '../addresses.ts';
import { controlPlaneLabel } from '../node-plan.ts';
import type { InitSettings } from '../settings.ts';
import { clusterRole, clusterRoleBinding, configMap, type NewObject, serviceAccount } from './make-render.ts';

const app = { 'k8s-app': 'kube-dns' };
const namespace = 'kube-system';

/** Cluster DNS: CoreDNS under the names that kubeadm gives it (`phases/addons/dns`), so that its tools go on working. */
export function dnsObjects(settings: InitSettings): readonly NewObject[] {
  const account = { kind: 'ServiceAccount', name: 'coredns', namespace } as const;
  return [
    serviceAccount(namespace, 'coredns'),
    clusterRole('system:coredns', [
      { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ]),
    clusterRoleBinding('system:coredns', 'system:coredns', [account]),
    configMap(namespace, 'coredns', { Corefile: renderCorefile(settings.dnsDomain) }),
    deployment(settings),
    service(dnsAddress(settings.serviceSubnet)),
  ];
}

function renderCorefile(domain: string): string {
  const lines = [
    '.:53 {',
    '    errors',
    '    health {',
    '       lameduck 5s',
    '    }',
    '    ready',
    `    kubernetes ${domain} in-addr.arpa ip6.arpa {`,
    '       pods insecure',
    '       fallthrough in-addr.arpa ip6.arpa',
    '       ttl 30',
    '    }',
    '    prometheus :9153',
    '    forward . /etc/resolv.conf {',
    '       max_concurrent 1000',
    '    }',
    '    cache 30',
    '    loop',
    '    reload',
    '    loadbalance',
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

function service(clusterIP: string): NewObject {
  const port = (name: string, number: number, protocol: string): object => ({
    ...{ name, port: number, protocol, targetPort: number },
  });
  const labels = { ...app, 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' };
  const annotations = { 'prometheus.io/port': '9153', 'prometheus.io/scrape': 'true' };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kube-dns', namespace, labels, annotations },
    spec: {
      clusterIP,
      ports: [port('dns', 53, 'UDP'), port('dns-tcp', 53, 'TCP'), port('metrics', 9153, 'TCP')],
      selector: app,
    },
  };
}

function deployment(settings: InitSettings): NewObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'coredns', namespace, labels: app },
    spec: {
      // A second one on a cluster of one node would be no help; who adds nodes scales it.
      replicas: 1,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
      selector: { matchLabels: app },
      template: { metadata: { labels: app }, spec: podSpec(settings) },
    },
  };
}

function podSpec(settings: InitSettings): object {
  const spread = {
    labelSelector: { matchExpressions: [{ key: 'k8s-app', operator: 'In', values: ['kube-dns'] }] },
    topologyKey: 'kubernetes.io/hostname',
  };
  return {
    priorityClassName: 'system-cluster-critical',
    serviceAccountName: 'coredns',
    affinity: {
      podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: spread }] },
    },
    tolerations: [
      { key: 'CriticalAddonsOnly', operator: 'Exists' },
      { key: controlPlaneLabel, effect: 'NoSchedule' },
      ...(settings.version.minor < 25 ? [{ key: 'node-role.kubernetes.io/master', effect: 'NoSchedule' }] : []),
    ],
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    containers: [container(settings)],
    dnsPolicy: 'Default',
    volumes: [
      { name: 'config-volume', configMap: { name: 'coredns', items: [{ key: 'Corefile', path: 'Corefile' }] } },
    ],
  };
}

function container({ images, imagePullPolicy }: InitSettings): object {
  const port = (name: string, containerPort: number, protocol = 'TCP'): object => ({ containerPort, name, protocol });
  const probe = (path: string, portNumber: number): object => ({
    httpGet: { path, port: portNumber, scheme: 'HTTP' },
  });
  return {
    name: 'coredns',
    image: images.coredns,
    imagePullPolicy,
    resources: { limits: { memory: '170Mi' }, requests: { cpu: '100m', memory: '70Mi' } },
    args: ['-conf', '/etc/coredns/Corefile'],
    volumeMounts: [{ name: 'config-volume', mountPath: '/etc/coredns', readOnly: true }],
    ports: [port('dns', 53, 'UDP'), port('dns-tcp', 53), port('metrics', 9153)],
    livenessProbe: { ...probe('/health', 8080), initialDelaySeconds: 60, timeoutSeconds: 5, failureThreshold: 5 },
    readinessProbe: probe('/ready', 8181),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
  };
}

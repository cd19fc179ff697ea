import { join } from 'node:path';
import type { PkiFiles } from './cluster-pki.ts';

type Flags = Readonly<Record<string, string | undefined>>;

/** Where the control plane listens and keeps its files. */
export interface ControlPlane {
  readonly dir: string;
  /** Of the API server, on the network between the hosts. */
  readonly address: string;
  readonly port: number;
  readonly pki: PkiFiles;
}

/** Addresses and periods of a cluster. */
export interface ClusterSettings {
  readonly serviceCidr: string;
  readonly podCidr: string;
  /** Prefix length of a node's share of `podCidr`. */
  readonly nodeCidrMaskSize: number;
  /** False: nodes get no podCIDR. */
  readonly allocateNodeCidrs: boolean;
  readonly nodeMonitorGracePeriodSeconds: number;
  /** How long certificates live that the cluster signs. */
  readonly clientCertificateSeconds: number;
}

const etcdUrl = 'http://127.0.0.1:2379';
const etcdPeerUrl = 'http://127.0.0.1:2380';

export function etcdFlags({ dir }: ControlPlane): Flags {
  return {
    'data-dir': join(dir, 'etcd'),
    'listen-client-urls': etcdUrl,
    'advertise-client-urls': etcdUrl,
    'listen-peer-urls': etcdPeerUrl,
    'initial-advertise-peer-urls': etcdPeerUrl,
    'initial-cluster': `default=${etcdPeerUrl}`,
    logger: 'zap',
    'log-level': 'warn',
  };
}

/** As kubeadm sets them up (cmd/kubeadm/app/phases/controlplane/manifests.go). */
export function apiServerFlags({ address, port, pki }: ControlPlane, { serviceCidr }: ClusterSettings): Flags {
  const file = (name: string): string => join(pki.directory, name);
  return {
    'etcd-servers': etcdUrl,
    'advertise-address': address,
    'bind-address': '0.0.0.0',
    'secure-port': String(port),
    'insecure-port': '0',
    'tls-cert-file': file('apiserver.crt'),
    'tls-private-key-file': file('apiserver.key'),
    'client-ca-file': pki.caFile,
    'kubelet-client-certificate': file('apiserver-kubelet-client.crt'),
    'kubelet-client-key': file('apiserver-kubelet-client.key'),
    'kubelet-preferred-address-types': 'InternalIP,Hostname',
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'enable-bootstrap-token-auth': 'true',
    'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    'service-account-key-file': pki.serviceAccountPublicKey,
    'service-account-signing-key-file': pki.serviceAccountKey,
    'service-cluster-ip-range': serviceCidr,
    'allow-privileged': 'true',
    'proxy-client-cert-file': file('front-proxy/client.crt'),
    'proxy-client-key-file': file('front-proxy/client.key'),
    'requestheader-allowed-names': 'front-proxy-client',
    'requestheader-client-ca-file': file('front-proxy/ca.crt'),
    'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
    'requestheader-group-headers': 'X-Remote-Group',
    'requestheader-username-headers': 'X-Remote-User',
  };
}

export function controllerManagerFlags({ pki }: ControlPlane, kubeconfig: string, settings: ClusterSettings): Flags {
  const allocate = settings.allocateNodeCidrs;
  return {
    ...clientFlags(kubeconfig),
    controllers: '*,bootstrapsigner,tokencleaner',
    'use-service-account-credentials': 'true',
    'root-ca-file': pki.caFile,
    'service-account-private-key-file': pki.serviceAccountKey,
    'cluster-signing-cert-file': pki.caFile,
    'cluster-signing-key-file': pki.caKeyFile,
    'cluster-signing-duration': `${settings.clientCertificateSeconds}s`,
    'allocate-node-cidrs': String(allocate),
    'cluster-cidr': allocate ? settings.podCidr : undefined,
    'node-cidr-mask-size': allocate ? String(settings.nodeCidrMaskSize) : undefined,
    'service-cluster-ip-range': settings.serviceCidr,
    'node-monitor-grace-period': `${settings.nodeMonitorGracePeriodSeconds}s`,
  };
}

export function schedulerFlags(kubeconfig: string): Flags {
  return clientFlags(kubeconfig);
}

/** Without a leader's lease: a program that was killed is replaced at once, and not when its lease has run out. */
function clientFlags(kubeconfig: string): Flags {
  return {
    kubeconfig,
    'authentication-kubeconfig': kubeconfig,
    'authorization-kubeconfig': kubeconfig,
    'bind-address': '127.0.0.1',
    port: '0',
    'leader-elect': 'false',
  };
}

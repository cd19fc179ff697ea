import { join } from 'node:path';
import { hostPort, type InitSettings } from '../settings.ts';
import { argsOf, renderComponentPod, renderProbes, samePath } from './pod-render.ts';

export const etcdClientPort = 2379;
export const etcdPeerPort = 2380;
export const etcdMetricsPort = 2381;

/** The only member of a cluster, on TLS towards clients and peers (`cmd/kubeadm/app/phases/etcd/local.go`). */
export function renderEtcd(settings: InitSettings): object {
  const { version, advertiseAddress, certificatesDir, etcdDataDir, startTimeoutMs } = settings;
  const certificates = join(certificatesDir, 'etcd');
  const host = loopback(advertiseAddress);
  return renderComponentPod(
    {
      name: 'etcd',
      annotations: {
        'kubeadm.kubernetes.io/etcd.advertise-client-urls': `https://${hostPort(advertiseAddress, etcdClientPort)}`,
      },
      args: argsOf({ ...addressFlags(settings), ...tlsFlags(certificates), ...releaseFlags(version.minor) }),
      mounts: [
        samePath('etcd-certs', certificates, 'DirectoryOrCreate', false),
        samePath('etcd-data', etcdDataDir, 'DirectoryOrCreate', false),
      ],
      requests: { cpu: '100m', memory: '100Mi' },
      probes: renderProbes({ host, port: etcdMetricsPort, scheme: 'HTTP' }, healthPaths(version.minor), startTimeoutMs),
    },
    settings,
  );
}

/** Of the family of the node's address. */
export const loopback = (address: string): string => (address.includes(':') ? '::1' : '127.0.0.1');

function addressFlags({ nodeName, advertiseAddress, etcdDataDir }: InitSettings): Readonly<Record<string, string>> {
  const client = `https://${hostPort(advertiseAddress, etcdClientPort)}`;
  const peer = `https://${hostPort(advertiseAddress, etcdPeerPort)}`;
  const local = loopback(advertiseAddress);
  return {
    name: nodeName,
    'advertise-client-urls': client,
    'data-dir': etcdDataDir,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `${nodeName}=${peer}`,
    'listen-client-urls': `https://${hostPort(local, etcdClientPort)},${client}`,
    'listen-metrics-urls': `http://${hostPort(local, etcdMetricsPort)}`,
    'listen-peer-urls': peer,
    'snapshot-count': '10000',
  };
}

function tlsFlags(directory: string): Readonly<Record<string, string>> {
  const file = (name: string): string => join(directory, name);
  return {
    'cert-file': file('server.crt'),
    'client-cert-auth': 'true',
    'key-file': file('server.key'),
    'peer-cert-file': file('peer.crt'),
    'peer-client-cert-auth': 'true',
    'peer-key-file': file('peer.key'),
    'peer-trusted-ca-file': file('ca.crt'),
    'trusted-ca-file': file('ca.crt'),
  };
}

/** etcd 3.6 comes with Kubernetes 1.34, and its experiments have names of their own there. */
function releaseFlags(minor: number): Readonly<Record<string, string>> {
  if (minor >= 34) return { 'feature-gates': 'InitialCorruptCheck=true', 'watch-progress-notify-interval': '5s' };
  if (minor < 23) return {};
  return { 'experimental-initial-corrupt-check': 'true', 'experimental-watch-progress-notify-interval': '5s' };
}

/** A full disk is no reason to restart etcd, and neither is a lost quorum, which a serializable read does not need. */
function healthPaths(minor: number): { readonly liveness: string; readonly readiness?: string; readonly startup: string } {
  if (minor >= 33) return { liveness: '/livez', readiness: '/readyz', startup: '/readyz' };
  if (minor < 22) return { liveness: '/health', startup: '/health' };
  return { liveness: '/health?exclude=NOSPACE&serializable=true', startup: '/health?serializable=false' };
}

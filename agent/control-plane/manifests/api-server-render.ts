import { join } from 'node:path';
import { hostPort, type InitSettings, localEndpoint } from '../settings.ts';
import { etcdClientPort, loopback } from './etcd-render.ts';
import { argsOf, renderComponentPod, renderProbes } from './pod-render.ts';
import { type HostFacts, pkiMounts } from './mounts-plan.ts';

/** `cmd/kubeadm/app/phases/controlplane/manifests.go`, `getAPIServerCommand`. */
export function renderApiServer(settings: InitSettings, host: HostFacts): object {
  const { advertiseAddress, bindPort, certificatesDir, startTimeoutMs } = settings;
  const paths = { liveness: '/livez', readiness: '/readyz', startup: '/livez' };
  const endpoint = { host: advertiseAddress, port: bindPort, scheme: 'HTTPS' } as const;
  return renderComponentPod(
    {
      name: 'kube-apiserver',
      annotations: { 'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint': localEndpoint(settings) },
      args: argsOf({ ...servingFlags(settings), ...identityFlags(settings), ...frontProxyFlags(certificatesDir) }),
      mounts: pkiMounts(certificatesDir, host),
      requests: { cpu: '250m' },
      probes: renderProbes(endpoint, paths, startTimeoutMs),
    },
    settings,
  );
}

type Flags = Readonly<Record<string, string | undefined>>;

function servingFlags({ version, advertiseAddress, bindPort, serviceSubnet, certificatesDir }: InitSettings): Flags {
  const file = (name: string): string => join(certificatesDir, name);
  return {
    'advertise-address': advertiseAddress,
    'allow-privileged': 'true',
    'etcd-cafile': file('etcd/ca.crt'),
    'etcd-certfile': file('apiserver-etcd-client.crt'),
    'etcd-keyfile': file('apiserver-etcd-client.key'),
    'etcd-servers': `https://${hostPort(loopback(advertiseAddress), etcdClientPort)}`,
    // Gone in 1.24; what 1.20 serves there without asking who it is must be off.
    'insecure-port': version.minor < 24 ? '0' : undefined,
    'secure-port': String(bindPort),
    'service-cluster-ip-range': serviceSubnet,
    'tls-cert-file': file('apiserver.crt'),
    'tls-private-key-file': file('apiserver.key'),
  };
}

function identityFlags({ dnsDomain, certificatesDir }: InitSettings): Flags {
  const file = (name: string): string => join(certificatesDir, name);
  return {
    'authorization-mode': 'Node,RBAC',
    'client-ca-file': file('ca.crt'),
    'enable-admission-plugins': 'NodeRestriction',
    'enable-bootstrap-token-auth': 'true',
    'kubelet-client-certificate': file('apiserver-kubelet-client.crt'),
    'kubelet-client-key': file('apiserver-kubelet-client.key'),
    'kubelet-preferred-address-types': 'InternalIP,ExternalIP,Hostname',
    'service-account-issuer': `https://kubernetes.default.svc.${dnsDomain}`,
    'service-account-key-file': file('sa.pub'),
    'service-account-signing-key-file': file('sa.key'),
  };
}

function frontProxyFlags(certificatesDir: string): Flags {
  const file = (name: string): string => join(certificatesDir, name);
  return {
    'proxy-client-cert-file': file('front-proxy-client.crt'),
    'proxy-client-key-file': file('front-proxy-client.key'),
    'requestheader-allowed-names': 'front-proxy-client',
    'requestheader-client-ca-file': file('front-proxy-ca.crt'),
    'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
    'requestheader-group-headers': 'X-Remote-Group',
    'requestheader-username-headers': 'X-Remote-User',
  };
}

import { join } from 'node:path';
import type { InitSettings } from '../settings.ts';
import { loopback } from './etcd-render.ts';
import { type HostFacts, pkiMounts } from './mounts-plan.ts';
import { argsOf, renderComponentPod, renderProbes, samePath } from './pod-render.ts';

/** The default of both the kubelet, which loads plugins from there, and the controller manager, which attaches with them. */
const flexVolumes = '/usr/libexec/kubernetes/kubelet-plugins/volume/exec';

function flexVolumeDir({ components }: InitSettings): string {
  const given = components['kube-controller-manager'].extraArgs.find(({ name }) => name === 'flex-volume-plugin-dir');
  return given?.value ?? flexVolumes;
}

/** `cmd/kubeadm/app/phases/controlplane/manifests.go`, `getControllerManagerCommand`. */
export function renderControllerManager(settings: InitSettings, host: HostFacts): object {
  const { certificatesDir, kubernetesDir, startTimeoutMs } = settings;
  const kubeconfig = join(kubernetesDir, 'controller-manager.conf');
  const endpoint = { host: loopback(settings.advertiseAddress), port: 10257, scheme: 'HTTPS' } as const;
  return renderComponentPod(
    {
      name: 'kube-controller-manager',
      args: argsOf({ ...clientFlags(kubeconfig, settings), ...controllerFlags(settings) }),
      mounts: [
        ...pkiMounts(certificatesDir, host),
        samePath('flexvolume-dir', flexVolumeDir(settings), 'DirectoryOrCreate', false),
        samePath('kubeconfig', kubeconfig, 'FileOrCreate', true),
      ],
      requests: { cpu: '200m' },
      probes: renderProbes(endpoint, { liveness: '/healthz', startup: '/healthz' }, startTimeoutMs),
    },
    settings,
  );
}

/** The same file, `getSchedulerCommand`. */
export function renderScheduler(settings: InitSettings): object {
  const kubeconfig = join(settings.kubernetesDir, 'scheduler.conf');
  const endpoint = { host: loopback(settings.advertiseAddress), port: 10259, scheme: 'HTTPS' } as const;
  // Since 1.33 a scheduler that waits for its turn is alive and not ready.
  const paths =
    settings.version.minor >= 33
      ? { liveness: '/livez', readiness: '/readyz', startup: '/livez' }
      : { liveness: '/healthz', startup: '/healthz' };
  return renderComponentPod(
    {
      name: 'kube-scheduler',
      args: argsOf(clientFlags(kubeconfig, settings)),
      mounts: [samePath('kubeconfig', kubeconfig, 'FileOrCreate', true)],
      requests: { cpu: '100m' },
      probes: renderProbes(endpoint, paths, settings.startTimeoutMs),
    },
    settings,
  );
}

type Flags = Readonly<Record<string, string | undefined>>;

function clientFlags(kubeconfig: string, { version, advertiseAddress }: InitSettings): Flags {
  return {
    'authentication-kubeconfig': kubeconfig,
    'authorization-kubeconfig': kubeconfig,
    'bind-address': loopback(advertiseAddress),
    kubeconfig,
    'leader-elect': 'true',
    // Gone in 1.24: what was served there without asking who it is must be off.
    port: version.minor < 23 ? '0' : undefined,
  };
}

function controllerFlags({ certificatesDir, podSubnet, serviceSubnet, clusterName }: InitSettings): Flags {
  const file = (name: string): string => join(certificatesDir, name);
  const shares = { 'allocate-node-cidrs': 'true', 'cluster-cidr': podSubnet, 'service-cluster-ip-range': serviceSubnet };
  return {
    'client-ca-file': file('ca.crt'),
    'cluster-name': clusterName,
    'cluster-signing-cert-file': file('ca.crt'),
    'cluster-signing-key-file': file('ca.key'),
    controllers: '*,bootstrapsigner,tokencleaner',
    'requestheader-client-ca-file': file('front-proxy-ca.crt'),
    'root-ca-file': file('ca.crt'),
    'service-account-private-key-file': file('sa.key'),
    'use-service-account-credentials': 'true',
    ...(podSubnet === undefined ? {} : shares),
  };
}

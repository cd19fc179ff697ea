import { join } from 'node:path';
import type { DistinguishedName } from '../../x509.ts';
import { type InitSettings, localEndpoint, serverUrl } from '../settings.ts';
import { hasClusterAdmins } from '../version.ts';
import { clusterAdmins, masters } from './plan.ts';

/** A kubeconfig with a client certificate in it. */
export interface KubeconfigPlan {
  /** File name, and kubeadm's name of the certificate: `admin.conf`. */
  readonly name: string;
  readonly path: string;
  readonly server: string;
  readonly userName: string;
  readonly subject: DistinguishedName;
}

type KubeconfigSettings = Pick<
  InitSettings,
  'version' | 'kubernetesDir' | 'controlPlaneEndpoint' | 'advertiseAddress' | 'bindPort' | 'clusterName'
>;

/**
 * As `cmd/kubeadm/app/phases/kubeconfig` has them, but for `kubelet.conf`, whose certificate is in a file of its own. The
 * parts of the control plane speak to the API server beside them, which may be older or newer than others.
 */
export function kubeconfigPlans(settings: KubeconfigSettings): readonly KubeconfigPlan[] {
  const { version, kubernetesDir } = settings;
  const plan = (name: string, server: string, userName: string, subject: DistinguishedName): KubeconfigPlan => ({
    ...{ name, path: join(kubernetesDir, name), server, userName, subject },
  });
  const shared = serverUrl(settings);
  const local = `https://${localEndpoint(settings)}`;
  const separate = hasClusterAdmins(version);
  const admin = { organizations: [separate ? clusterAdmins : masters], commonName: 'kubernetes-admin' };
  const superAdmin = { organizations: [masters], commonName: 'kubernetes-super-admin' };
  const manager = 'system:kube-controller-manager';
  const scheduler = 'system:kube-scheduler';
  return [
    plan('admin.conf', shared, 'kubernetes-admin', admin),
    ...(separate ? [plan('super-admin.conf', shared, 'kubernetes-super-admin', superAdmin)] : []),
    plan('controller-manager.conf', local, manager, { commonName: manager }),
    plan('scheduler.conf', local, scheduler, { commonName: scheduler }),
  ];
}

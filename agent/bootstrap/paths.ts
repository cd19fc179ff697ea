import { join } from 'node:path';
import { kubeProxyFile } from '../config/index.ts';

/** Where a node's files are; the names are kubeadm's (`cmd/kubeadm/app/constants`). */
export interface NodePaths {
  readonly bootstrapKubeconfig: string;
  readonly kubeconfig: string;
  readonly certificateAuthority: string;
  readonly manifests: string;
  readonly kubeletConfig: string;
  readonly kubeletFlags: string;
  readonly pki: string;
  /** Link to the certificate and key in use, in one file. */
  readonly currentCertificate: string;
  /** podwright's own: kube-proxy has no file on a node of kubeadm's. */
  readonly kubeProxyConfig: string;
  /** Tells `podwright reset` what the join wrote. */
  readonly record: string;
}

/**
 * @param kubernetesDir default `/etc/kubernetes`
 * @param rootDir default `/var/lib/kubelet`
 */
export function nodePaths(kubernetesDir: string, rootDir: string, certificateAuthority?: string): NodePaths {
  const pki = join(rootDir, 'pki');
  return {
    bootstrapKubeconfig: join(kubernetesDir, 'bootstrap-kubelet.conf'),
    kubeconfig: join(kubernetesDir, 'kubelet.conf'),
    certificateAuthority: certificateAuthority ?? join(kubernetesDir, 'pki', 'ca.crt'),
    manifests: join(kubernetesDir, 'manifests'),
    kubeletConfig: join(rootDir, 'config.yaml'),
    kubeletFlags: join(rootDir, 'kubeadm-flags.env'),
    pki,
    currentCertificate: join(pki, 'kubelet-client-current.pem'),
    kubeProxyConfig: kubeProxyFile(rootDir),
    record: joinRecord(rootDir),
  };
}

/** Record of what `podwright join` wrote, below the root directory: `{"files": [...]}`. */
export const joinRecord = (rootDir: string): string => join(rootDir, 'podwright', 'join.json');

/** As client-go's certificate store names its files: `kubelet-client-2026-01-31-13-59-59.pem`. */
export function certificateFileName(pair: 'kubelet-client' | 'kubelet-server', time: Date): string {
  return `${pair}-${time.toISOString().slice(0, 19).replaceAll(/[T:]/g, '-')}.pem`;
}

import { join } from 'node:path';
import { renderKubeconfig } from '../api/kubeconfig-render.ts';
import type { IssuedCertificate } from './certificate-request.ts';
import { renderRecord } from './record.ts';
import { createFilesTransaction } from './files-transaction.ts';
import type { ClusterInfo } from './kubeconfig.ts';
import { nodeUser } from './node-identity.ts';
import { certificateFileName } from './paths.ts';
import type { JoinSettings } from './settings.ts';

/** A file of a node that has joined. */
export type NodeFile =
  | { readonly path: string; readonly content: string; readonly mode: number }
  | { readonly path: string; readonly target: string };

export interface NodeFilesPlan {
  readonly settings: Pick<JoinSettings, 'paths' | 'nodeName' | 'kubeletArgs'>;
  readonly cluster: ClusterInfo;
  /** Undefined in a dry run. */
  readonly issued: IssuedCertificate | undefined;
  /** YAML. */
  readonly kubeletConfig: string;
  readonly kubeProxyConfig: string | undefined;
  readonly now: Date;
}

/** What a join writes, in this order: the kubeconfig, which says that the node has joined, is the last. */
export function nodeFiles({ settings, cluster, issued, now, ...config }: NodeFilesPlan): readonly NodeFile[] {
  const { paths, nodeName, kubeletArgs } = settings;
  const pair = join(paths.pki, certificateFileName('kubelet-client', now));
  const content = issued === undefined ? '' : renderPair(issued);
  const files = [
    { path: paths.certificateAuthority, content: cluster.certificateAuthority, mode: 0o644 },
    { path: paths.kubeletConfig, content: config.kubeletConfig, mode: 0o644 },
    { path: paths.kubeletFlags, content: renderFlags(kubeletArgs), mode: 0o644 },
    ...(config.kubeProxyConfig === undefined
      ? []
      : [{ path: paths.kubeProxyConfig, content: config.kubeProxyConfig, mode: 0o644 }]),
    { path: pair, content, mode: 0o600 },
    { path: paths.currentCertificate, target: pair },
    {
      path: paths.kubeconfig,
      content: renderKubeconfig({
        server: cluster.server,
        ca: { pem: cluster.certificateAuthority },
        userName: nodeUser(nodeName),
        user: { certificateFile: paths.currentCertificate, keyFile: paths.currentCertificate },
      }),
      mode: 0o600,
    },
  ];
  const record = renderRecord({ files: files.map(({ path }) => path), directories: [] });
  return [{ path: paths.record, content: record, mode: 0o644 }, ...files];
}

/** Certificate and key in one file, as client-go's certificate store has them. */
export function renderPair({ certificate, privateKey }: IssuedCertificate): string {
  return `${certificate.trimEnd()}\n${privateKey.trimEnd()}\n`;
}

/** For the systemd unit of kubeadm's kubelet package, so that a node can go back to the kubelet (`phases/kubelet/flags.go`). */
function renderFlags(args: JoinSettings['kubeletArgs']): string {
  return `KUBELET_KUBEADM_ARGS="${args.map(({ name, value }) => `--${name}=${value}`).join(' ')}"\n`;
}

/** Writes all files, or none: what was there before is there again after a failure. */
export async function writeNodeFiles(files: readonly NodeFile[], signal: AbortSignal): Promise<void> {
  const transaction = createFilesTransaction();
  try {
    for (const file of files) {
      signal.throwIfAborted();
      if ('target' in file) await transaction.link(file.path, file.target);
      else await transaction.write(file.path, file.content, file.mode);
    }
  } catch (error) {
    await transaction.rollback();
    throw error;
  }
}

import { X509Certificate } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, writeFileAtomic } from '../../cni/index.ts';
import type { ApiConnection, OwnedApiClient } from '../api/index.ts';
import { loadKubeconfig } from '../api/connection.ts';
import { renderKubeconfig } from '../api/kubeconfig-render.ts';
import type { Clock } from '../clock.ts';
import { obtainCertificate } from './certificate-request.ts';
import { storePair } from './certificate-store.ts';
import { JoinError } from './error.ts';
import { nodeSubject, nodeUser } from './node-identity.ts';

export interface KubeletBootstrap {
  readonly kubeconfig: string;
  readonly bootstrapKubeconfig: string;
  readonly rootDir: string;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly connect: (connection: ApiConnection) => OwnedApiClient;
  readonly say: (text: string) => void;
}

/** As long as the kubelet waits for one request. */
const timeoutMs = 15 * 60_000;

/**
 * Has the cluster issue the node's certificate and writes the kubeconfig, unless there is one that is good
 * (`LoadClientConfig`, pkg/kubelet/certificate/bootstrap/bootstrap.go). `kubeadm join` waits for that file.
 *
 * @throws JoinError
 */
export async function ensureKubeconfig(options: KubeletBootstrap, signal: AbortSignal): Promise<void> {
  const { kubeconfig, bootstrapKubeconfig, rootDir, nodeName, clock, connect, say } = options;
  if (await isGood(kubeconfig, clock)) return;
  const connection = await loadKubeconfig(bootstrapKubeconfig).catch((cause: unknown) => {
    throw new JoinError(`unable to load bootstrap kubeconfig: ${messageOf(cause)}`, undefined, { cause });
  });
  say('asking the cluster for the certificate of this node');
  const api = connect(connection);
  const subject = nodeSubject(nodeUser(nodeName));
  const signerName = 'kubernetes.io/kube-apiserver-client-kubelet';
  const issued = await obtainCertificate({ subject, signerName, timeoutMs }, { api, clock, say }, signal).finally(
    async () => api.close(),
  );
  const current = join(rootDir, 'pki', 'kubelet-client-current.pem');
  await mkdir(dirname(current), { recursive: true, mode: 0o755 });
  await storePair(current, 'kubelet-client', issued, new Date(clock.now()));
  await writeFileAtomic(kubeconfig, kubeconfigOf(connection, current), { mode: 0o600 });
}

/** The kubelet's names (`bootstrap.go`, `kubeconfigData`). */
function kubeconfigOf({ server, ca }: ApiConnection, current: string): string {
  if (ca === undefined) throw new JoinError('the bootstrap kubeconfig has no certificate authority');
  return renderKubeconfig({
    ...{ server, ca: { pem: ca }, clusterName: 'default-cluster', userName: 'default-auth' },
    user: { certificateFile: current, keyFile: current },
  });
}

/** It can be read, and its certificate has not ended. One without a certificate is somebody's own choice. */
async function isGood(path: string, clock: Pick<Clock, 'now'>): Promise<boolean> {
  try {
    const { certificate } = await loadKubeconfig(path);
    return certificate === undefined || Date.parse(new X509Certificate(certificate).validTo) > clock.now();
  } catch {
    return false;
  }
}

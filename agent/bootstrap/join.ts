import type { ApiConnection, OwnedApiClient } from '../api/index.ts';
import { isForbidden, isNotFound, isUnauthorized } from '../api/errors.ts';
import { type ApiClient, resources } from '../api/types.ts';
import type { Clock } from '../clock.ts';
import { parseConfigFile } from '../config/file.ts';
import { obtainCertificate } from './certificate-request.ts';
import { readKubeletConfig, readKubeProxyConfig } from './cluster-configuration.ts';
import { discoverByFile } from './discover-by-file.ts';
import { discoverByToken } from './discover-by-token.ts';
import { JoinError } from './error.ts';
import type { HttpsGet } from './https-get.ts';
import type { ClusterInfo, Credentials } from './kubeconfig.ts';
import { type NodeFile, nodeFiles } from './node-files.ts';
import { nodeSubject, nodeUser } from './node-identity.ts';
import type { JoinSettings } from './settings.ts';
import { renderBootstrapToken } from './token.ts';

export interface JoinDeps {
  readonly get: HttpsGet;
  readonly clock: Clock;
  readonly connect: (connection: ApiConnection) => OwnedApiClient;
  /** Tells the user, a line each. */
  readonly say: (text: string) => void;
}

/** A cluster that was found, and how to speak to it before there is a certificate. */
export interface FoundCluster extends ClusterInfo {
  readonly credentials: Credentials;
}

/**
 * kubeadm's phase `discovery`.
 *
 * @throws JoinError
 */
export async function discover(
  { discovery, tlsBootstrapToken, discoveryTimeoutMs }: JoinSettings,
  { get, clock, say }: JoinDeps,
  signal: AbortSignal,
): Promise<FoundCluster> {
  const told = { get, clock, say: (text: string) => say(`[discovery] ${text}`) };
  const token = tlsBootstrapToken === undefined ? undefined : { token: renderBootstrapToken(tlsBootstrapToken) };
  if (discovery.by === 'token') {
    const found = await discoverByToken({ ...discovery, timeoutMs: discoveryTimeoutMs }, told, signal);
    return { ...found, credentials: token ?? { token: renderBootstrapToken(discovery.token) } };
  }
  const { credentials, ...found } = await discoverByFile(discovery.place, get, signal);
  const used = token ?? credentials;
  if (used !== undefined) return { ...found, credentials: used };
  throw new JoinError(
    `${discovery.place} has no credentials to ask for a certificate with`,
    'give --tls-bootstrap-token beside it',
  );
}

/**
 * kubeadm's phase `kubelet-start`, up to the writing: reads what the cluster has for its nodes, and has it issue the node's
 * certificate. Nothing is written meanwhile, so that there is nothing to take back.
 *
 * @returns the files that make this host a node; in a dry run without a certificate, which is not asked for then
 * @throws JoinError
 */
export async function bootstrap(
  settings: JoinSettings,
  cluster: FoundCluster,
  deps: JoinDeps,
  signal: AbortSignal,
): Promise<readonly NodeFile[]> {
  const api = deps.connect(connectionTo(cluster));
  try {
    return await obtainFiles(settings, cluster, api, deps, signal);
  } catch (error) {
    if (!isUnauthorized(error)) throw error;
    throw new JoinError(
      'the API server refuses the bootstrap token: it has expired, or may not be used for authentication',
      'make a new one on a control-plane node: kubeadm token create --print-join-command',
      { cause: error },
    );
  } finally {
    await api.close();
  }
}

function connectionTo({ server, certificateAuthority, credentials }: FoundCluster): ApiConnection {
  return { server, ca: certificateAuthority, ...credentials };
}

async function obtainFiles(
  settings: JoinSettings,
  cluster: FoundCluster,
  api: ApiClient,
  { clock, say }: JoinDeps,
  signal: AbortSignal,
): Promise<readonly NodeFile[]> {
  await refuseReadyNode(settings.nodeName, api, signal);
  say('[preflight] Reading configuration from the cluster...');
  const kubeletConfig = checked('kubelet-config', await readKubeletConfig(api, signal));
  const kubeProxy = await readKubeProxyConfig(api, signal);
  const kubeProxyConfig = kubeProxy === undefined ? undefined : checked('kube-proxy', kubeProxy);
  const plan = { settings, cluster, kubeletConfig, kubeProxyConfig, now: new Date(clock.now()) };
  if (settings.dryRun) return nodeFiles({ ...plan, issued: undefined });
  say('[kubelet-start] Asking for the certificate of the node');
  const issued = await obtainCertificate(
    {
      subject: nodeSubject(nodeUser(settings.nodeName)),
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      timeoutMs: settings.tlsBootstrapTimeoutMs,
    },
    { api, clock, say: (text) => say(`[kubelet-start] ${text}`) },
    signal,
  );
  return nodeFiles({ ...plan, issued });
}

/** Two machines under one name would take each other's pods. A token that may not read nodes cannot tell. */
async function refuseReadyNode(name: string, api: ApiClient, signal: AbortSignal): Promise<void> {
  const node = await api.get(resources.nodes, { name }, signal).catch((error: unknown) => {
    if (isNotFound(error) || isForbidden(error)) return undefined;
    throw error;
  });
  const { conditions = [] } = (node?.['status'] ?? {}) as {
    readonly conditions?: readonly { readonly type?: string; readonly status?: string }[];
  };
  if (!conditions.some(({ type, status }) => type === 'Ready' && status === 'True')) return;
  throw new JoinError(
    `a Node with name "${name}" and status "Ready" already exists in the cluster`,
    `delete it (kubectl delete node ${name}), or give this one another name with --node-name`,
  );
}

/** What the daemon could not read had better fail here than when it starts. */
function checked(name: string, text: string): string {
  const { problems } = parseConfigFile(`ConfigMap kube-system/${name}`, text);
  if (problems.length === 0) return text;
  const lines = problems.map(({ origin, line, path, message }) => `${origin}:${line ?? 1}: ${path ?? ''}: ${message}`);
  throw new JoinError(`the configuration of the cluster cannot be used:\n${lines.join('\n')}`);
}

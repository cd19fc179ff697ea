import { randomBytes } from 'node:crypto';
import { nodeBootstrapGroup, tokenSecret } from './cluster-objects.ts';
import { runIn, type CommandOptions, type CommandResult } from './run-in.ts';
import { until } from './wait.ts';

/** A program and its arguments, for a test that runs it by itself. */
export interface KubectlCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface TokenOptions {
  /** Undefined: the token never expires. */
  readonly ttlMs?: number;
  /** Default: kubeadm's group of nodes that join. */
  readonly groups?: readonly string[];
  /** False: the token does not sign cluster-info. */
  readonly signing?: boolean;
}

/** What a test asks of the API server. */
export interface ClusterCalls {
  /** Runs kubectl as the administrator. Never rejects for an exit code. */
  readonly kubectl: (args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;
  /** For kubectl with a pipe, a long life or another user: to be run in any host's namespace. */
  readonly kubectlCommand: (args: readonly string[], kubeconfig?: string) => KubectlCommand;
  /** Creates or changes objects. Throws what kubectl says. */
  readonly apply: (...objects: readonly object[]) => Promise<void>;
  /** The JSON at an API path, e.g. `/api/v1/nodes/h1`; undefined when there is nothing. */
  readonly get: (path: string) => Promise<unknown>;
  /** Creates a bootstrap token and returns it, after its signature is in cluster-info. */
  readonly createToken: (options?: TokenOptions) => Promise<string>;
}

export interface KubectlSubject {
  /** Path of the program. */
  readonly kubectl: string;
  readonly dir: string;
  readonly netns: string;
  readonly adminKubeconfig: string;
}

const deadlineMs = 120_000;

export function clusterCalls({ kubectl: file, dir, netns, adminKubeconfig }: KubectlSubject): ClusterCalls {
  // A home of its own: kubectl keeps there what it has learned of a server, by the server's address.
  const kubectlCommand = (args: readonly string[], kubeconfig = adminKubeconfig): KubectlCommand => ({
    file,
    args: ['--kubeconfig', kubeconfig, ...args],
    env: { HOME: dir, ...noProxy },
  });
  const kubectl = async (args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> => {
    const command = kubectlCommand(args);
    return runIn({ netns }, command.file, command.args, { ...options, env: { ...command.env, ...options.env } });
  };
  const calls = {
    ...{ kubectl, kubectlCommand },
    apply: async (...objects: readonly object[]) => apply(kubectl, objects),
    get: async (path: string) => get(kubectl, path),
  };
  return { ...calls, createToken: async (options) => createToken(calls, options) };
}

/** A pod is refused before its namespace has a service account with a token, which the controller manager makes. */
export async function waitForServiceAccount({ get }: ClusterCalls, explain: () => string): Promise<void> {
  const path = '/api/v1/namespaces/default/serviceaccounts/default';
  const isReady = (account: unknown): boolean => JSON.stringify(account)?.includes('"secrets":[') ?? false;
  await until('the default service account', deadlineMs, async () => isReady(await get(path)), {
    ...{ intervalMs: 200, explain },
  });
}

/** The lab has no way to a proxy. */
const noProxy = { HTTPS_PROXY: '', HTTP_PROXY: '', https_proxy: '', http_proxy: '' };

async function apply(kubectl: ClusterCalls['kubectl'], items: readonly object[]): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  const { exitCode, stderr } = await kubectl(['apply', '-f', '-'], { input, timeoutMs: deadlineMs });
  if (exitCode !== 0) throw new Error(`kubectl apply: ${stderr}`);
}

async function get(kubectl: ClusterCalls['kubectl'], path: string): Promise<unknown> {
  const { exitCode, stdout, stderr } = await kubectl(['get', '--raw', path]);
  if (exitCode === 0) return JSON.parse(stdout);
  if (stderr.includes('(NotFound)')) return undefined;
  throw new Error(`kubectl get --raw ${path}: ${stderr}`);
}

async function createToken(
  { apply, get }: Pick<ClusterCalls, 'apply' | 'get'>,
  { ttlMs, groups = [nodeBootstrapGroup], signing = true }: TokenOptions = {},
): Promise<string> {
  const id = randomBytes(3).toString('hex');
  const token = `${id}.${randomBytes(8).toString('hex')}`;
  const expires = ttlMs === undefined ? undefined : new Date(Date.now() + ttlMs);
  await apply(tokenSecret({ token, expires, groups, signing }));
  if (!signing) return token;
  const path = '/api/v1/namespaces/kube-public/configmaps/cluster-info';
  const isSigned = async (): Promise<boolean> => JSON.stringify(await get(path)).includes(`"jws-kubeconfig-${id}"`);
  await until('the signature of cluster-info', deadlineMs, isSigned, { intervalMs: 200 });
  return token;
}

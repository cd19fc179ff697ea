import { type Exec, ExecFailure } from '../../cni/index.ts';
import { type ExecCredential, parseExecAnswer } from './exec-answer.ts';
import type { ExecPlugin } from './exec-config.ts';

/** What a plugin may be told of its cluster. */
export interface ExecCluster {
  readonly server: string;
  readonly tlsServerName: string | undefined;
  readonly insecure: boolean;
  /** PEM. */
  readonly ca: string | undefined;
}

/** Credentials as they are now. @param refused the server does not take the ones in use */
export type ReadCredential = (plugin: ExecPlugin, cluster: ExecCluster, refused: boolean) => Promise<ExecCredential>;

const timeoutMs = 60_000;
/** New ones are asked for so long before the old ones end: more than credentials are looked at apart. */
const renewBeforeMs = 70_000;
/** A server that refuses whatever it is shown must not have the plugin run at each request. */
const leastMs = 10_000;
const maxErrorText = 500;

/**
 * Runs credential plugins and keeps what they gave until it ends or is refused (client-go:
 * `plugin/pkg/client/auth/exec/exec.go`).
 */
export function createCredentialReader(exec: Exec, now: () => number): ReadCredential {
  let last: { readonly key: string; readonly at: number; readonly credential: ExecCredential } | undefined;
  return async (plugin, cluster, refused) => {
    const key = JSON.stringify([plugin, cluster]);
    if (last?.key === key) {
      const { at, credential } = last;
      const isOver = credential.expiresAt !== undefined && now() >= credential.expiresAt - renewBeforeMs;
      if (!isOver && !refused) return credential;
      if (now() - at < leastMs) return credential;
    }
    const credential = parseExecAnswer(plugin, await run(plugin, cluster, exec));
    last = { key, at: now(), credential };
    return credential;
  };
}

async function run(plugin: ExecPlugin, cluster: ExecCluster, exec: Exec): Promise<string> {
  const { command: file, args, env, place } = plugin;
  const info = JSON.stringify(renderExecInfo(plugin, cluster));
  try {
    return (await exec({ file, args, env: { ...env, KUBERNETES_EXEC_INFO: info }, timeoutMs })).stdout;
  } catch (error) {
    throw new Error(`${place}: the plugin ${file} ${describe(error, plugin)}`);
  }
}

function renderExecInfo(
  { apiVersion, provideClusterInfo }: ExecPlugin,
  { server, tlsServerName, insecure, ca }: ExecCluster,
): object {
  const cluster = {
    server,
    ...(tlsServerName === undefined ? {} : { 'tls-server-name': tlsServerName }),
    ...(insecure ? { 'insecure-skip-tls-verify': true } : {}),
    ...(ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
  };
  const spec = { interactive: false, ...(provideClusterInfo ? { cluster } : {}) };
  return { kind: 'ExecCredential', apiVersion, spec };
}

/** Own words: what the wrapper throws may hold what was printed, and so the credentials. */
function describe(error: unknown, { installHint }: ExecPlugin): string {
  if (!(error instanceof ExecFailure)) return 'cannot be run';
  if (error.notFound) return `does not exist on this host${installHint === undefined ? '' : `: ${installHint.trim()}`}`;
  if (error.timedOut) return `did not end within ${timeoutMs / 1000} s`;
  const text = error.stderr.trim().slice(0, maxErrorText);
  return `failed with exit code ${error.exitCode ?? 'unknown'}${text && `: ${text}`}`;
}

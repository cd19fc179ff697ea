import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect } from 'node:net';
import { errorCode } from '../../cni/index.ts';
import type { Clock } from '../clock.ts';
import { withDeadline } from '../deadline.ts';
import type { Container } from '../objects/types.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import { kubeletRelease } from '../version.ts';

type Lifecycle = NonNullable<Container['lifecycle']>;
/** What to do after a container started or before it stops. */
export type HookHandler = NonNullable<Lifecycle['postStart']>;

export interface HookTarget {
  /** Ports by name; undefined for a container whose spec is not known any more. */
  readonly ports: Container['ports'];
  readonly containerId: string;
  /** Address of the pod, for handlers without a host. */
  readonly podIp: string | undefined;
}

export interface HookDeps {
  readonly runtime: Pick<ContainerRuntime, 'execSync'>;
  readonly clock: Clock;
  /** HTTPS went on as HTTP. */
  readonly onHttpFallback?: () => void;
}

/** A hook that waits for ever is ended by the pod's end; Node's timers hold no longer time. */
const noLimitMs = 24 * 3600 * 1000;

/**
 * Runs a lifecycle hook to its end (kubelet: `handlerRunner.Run`).
 *
 * @throws Error when the command ends with another code than 0, the server does not answer, or the time is over
 */
export async function runHook(
  deps: HookDeps,
  handler: HookHandler,
  target: HookTarget,
  timeoutMs: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const limitMs = timeoutMs ?? noLimitMs;
  const { exec, sleep, httpGet, tcpSocket } = handler;
  if (exec !== undefined) return runCommand(deps, exec.command ?? [], target, limitMs, signal);
  if (sleep !== undefined) return deps.clock.sleep(Math.min(sleep.seconds * 1000, limitMs), signal);
  if (httpGet !== undefined) return limited(limitMs, signal, (until) => get(deps, httpGet, target, until));
  if (tcpSocket !== undefined) return limited(limitMs, signal, (until) => dial(tcpSocket, target, until));
  throw new Error('invalid handler: it names no action');
}

/** What is cut off fails with the reason for it, not with the error of the socket. */
async function limited(ms: number, signal: AbortSignal, run: (until: AbortSignal) => Promise<void>): Promise<void> {
  await withDeadline('the hook', ms, signal, async (until) => {
    try {
      await run(until);
    } catch (error) {
      until.throwIfAborted();
      throw error;
    }
  });
}

async function runCommand(
  { runtime }: HookDeps,
  command: readonly string[],
  { containerId }: HookTarget,
  limitMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { exitCode, stdout, stderr } = await runtime.execSync(containerId, command, limitMs, signal);
  if (exitCode === 0) return;
  const output = `${stdout}${stderr}`.trim();
  throw new Error(`command '${command.join(' ')}' exited with ${exitCode}: ${output}`);
}

type HttpGet = NonNullable<HookHandler['httpGet']>;

/** Any answer is a success, whatever its status. HTTPS that a server answers in plain HTTP is tried again as HTTP. */
async function get(
  { onHttpFallback }: HookDeps,
  action: HttpGet,
  target: HookTarget,
  signal: AbortSignal,
): Promise<void> {
  const { host, port, path = '', scheme, httpHeaders = [] } = action;
  const headers: Record<string, string> = { 'user-agent': `kube-lifecycle/${kubeletRelease}`, accept: '*/*' };
  for (const { name, value } of httpHeaders) headers[name.toLowerCase()] = value;
  const options: RequestOptions = {
    host: hostOf(host, target),
    port: portOf(port, target),
    path: path.startsWith('/') ? path : `/${path}`,
    headers,
    agent: false,
    insecureHTTPParser: true, // lines that end without a carriage return, as Go's client takes them
    rejectUnauthorized: false,
    signal,
  };
  if (scheme !== 'HTTPS') return answerOf(httpRequest, options);
  try {
    await answerOf(httpsRequest, options);
  } catch (error) {
    if (!plainHttpErrors.has(errorCode(error) ?? '')) throw error;
    delete headers.authorization;
    await answerOf(httpRequest, options);
    onHttpFallback?.();
  }
}

/** What OpenSSL says of a server that does not speak TLS. */
const plainHttpErrors: ReadonlySet<string> = new Set([
  'EPROTO',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
]);

async function answerOf(send: typeof httpsRequest, options: RequestOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const request = send(options, (response) => {
      response.destroy();
      resolve();
    });
    request.once('error', reject);
    request.end();
  });
}

type TcpSocket = NonNullable<HookHandler['tcpSocket']>;

async function dial({ host, port }: TcpSocket, target: HookTarget, signal: AbortSignal): Promise<void> {
  const socket = connect({ host: hostOf(host, target), port: portOf(port, target), signal });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
  } finally {
    socket.destroy();
  }
}

function hostOf(host: string | undefined, { podIp }: HookTarget): string {
  const address = host === undefined || host === '' ? podIp : host;
  if (address === undefined) throw new Error('the pod has no address to send the hook to');
  return address;
}

function portOf(port: string | number, { ports }: HookTarget): number {
  if (typeof port === 'number') return port;
  if (/^\d+$/.test(port)) return Number(port);
  const named = ports.find(({ name }) => name === port)?.containerPort;
  if (named === undefined) throw new Error(`the container has no port named ${JSON.stringify(port)}`);
  return named;
}

import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Clock } from '../clock.ts';
import type { Container } from '../objects/types.ts';
import type { ContainerRuntime } from '../runtime/types.ts';

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
}

/** A hook that waits for ever is ended by the pod's end; Node's timers hold no longer time. */
const noLimitMs = 24 * 3600 * 1000;
/** As the kubelet's HTTP client for hooks (`pkg/kubelet/lifecycle/handlers.go`): the answer's body is for the message. */
const maxBodyBytes = 10 * 1024;

/**
 * Runs a lifecycle hook to its end (kubelet: `handlerRunner.Run`).
 *
 * @throws Error when the command ends with another code than 0, the server answers with 400 or more or not at all, or
 *   the time is over
 */
export async function runHook(
  deps: HookDeps,
  handler: HookHandler,
  target: HookTarget,
  timeoutMs: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const limitMs = timeoutMs ?? noLimitMs;
  if (handler.exec !== undefined) return runCommand(deps, handler.exec.command ?? [], target, limitMs, signal);
  if (handler.sleep !== undefined) return deps.clock.sleep(Math.min(handler.sleep.seconds * 1000, limitMs), signal);
  const limited = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  if (handler.httpGet !== undefined) return get(handler.httpGet, target, limited);
  if (handler.tcpSocket !== undefined) return dial(handler.tcpSocket, target, limited);
  throw new Error('invalid handler: it names no action');
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

async function get(
  { host, port, path, scheme, httpHeaders }: HttpGet,
  target: HookTarget,
  signal: AbortSignal,
): Promise<void> {
  const send = scheme === 'HTTPS' ? httpsRequest : httpRequest;
  const headers: Record<string, string> = { 'user-agent': 'kube-lifecycle/1.34', accept: '*/*' };
  for (const { name, value } of httpHeaders ?? []) headers[name.toLowerCase()] = value;
  const pathname = path === undefined || path === '' ? '/' : path.startsWith('/') ? path : `/${path}`;
  const options = {
    host: hostOf(host, target),
    port: portOf(port, target),
    path: pathname,
    headers,
    agent: false,
    rejectUnauthorized: false,
    signal,
  };
  await new Promise<void>((resolve, reject) => {
    const request = send(options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body = (body + chunk).slice(0, maxBodyBytes)));
      response.once('error', reject);
      response.once('end', () => {
        const { statusCode = 0 } = response;
        if (statusCode < 400) resolve();
        else reject(new Error(`HTTP ${statusCode} from ${options.host}:${options.port}${pathname}: ${body}`));
      });
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
  const named = ports.find(({ name }) => name === port)?.containerPort ?? (Number.parseInt(port, 10) || undefined);
  if (named === undefined) throw new Error(`the container has no port named ${JSON.stringify(port)}`);
  return named;
}

import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorCode } from '../../cni/index.ts';
import type { CoreEvent } from '../events/types.ts';
import type { NodeInfo, PodReport } from '../server/local/state.ts';
import type { ServicesReport } from '../services/report.ts';
import type { TraceQuestion } from '../services/trace-plan.ts';
import type { TraceReport } from '../services/trace-report.ts';
import type { SourceProblem } from '../sources/types.ts';

export const defaultSocketPath = '/run/podwright/podwright.sock';

/** The document at `/podwright/v1/status`. */
export interface StatusDocument {
  readonly node: NodeInfo;
  readonly pods: readonly PodReport[];
  readonly problems: readonly SourceProblem[];
}

/** The daemon cannot do what it was asked for, or cannot be asked; the message says why and what to do. */
export class DaemonError extends Error {
  override readonly name: string = 'DaemonError';
}

/** The daemon cannot be asked. */
export class DaemonUnreachableError extends DaemonError {
  override readonly name = 'DaemonUnreachableError';
}

const timeoutMs = 10_000;

/** What the daemon answers to a GET. */
export async function fetchJson(socketPath: string, path: string): Promise<unknown> {
  return readJson(await ask(socketPath, 'GET', path, timeoutMs));
}

export async function fetchStatus(socketPath: string): Promise<StatusDocument> {
  return (await fetchJson(socketPath, '/podwright/v1/status')) as StatusDocument;
}

export async function fetchEvents(
  socketPath: string,
  filter: { readonly uid?: string; readonly namespace?: string },
): Promise<readonly CoreEvent[]> {
  return ((await fetchJson(socketPath, eventsPath(filter))) as { readonly items: readonly CoreEvent[] }).items;
}

/** @param kernel also what the kernel holds for them: it is read for this */
export async function fetchServices(socketPath: string, kernel = false): Promise<ServicesReport> {
  const path = `/podwright/v1/services${kernel ? '?kernel=true' : ''}`;
  return (await fetchJson(socketPath, path)) as ServicesReport;
}

export async function fetchTrace(
  socketPath: string,
  question: Readonly<Record<keyof TraceQuestion, string>>,
): Promise<TraceReport> {
  const path = `/podwright/v1/trace?${new URLSearchParams(question).toString()}`;
  return (await fetchJson(socketPath, path)) as TraceReport;
}

export async function post(socketPath: string, path: string): Promise<void> {
  await readJson(await ask(socketPath, 'POST', path, timeoutMs));
}

/** An answer that began was cut off: the daemon has stopped, or does not go on with it. */
export function isCutOff(error: unknown): boolean {
  return errorCode(error) === 'ECONNRESET';
}

/** Opens an answer that may go on for long: a log, a watch. */
export async function openStream(socketPath: string, path: string): Promise<IncomingMessage> {
  return ask(socketPath, 'GET', path, undefined);
}

/**
 * Asks for another protocol on the connection.
 *
 * @returns the connection, paused, with what the daemon has sent already in front
 */
export async function upgrade(socketPath: string, path: string, protocol: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const headers = { connection: 'Upgrade', upgrade: protocol };
    const call = request({ socketPath, path, method: 'POST', headers, agent: false });
    failOnSilence(call, timeoutMs);
    call.on('upgrade', (_response, socket, head) => {
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    call.on('response', (response) => void refusal(response).then(reject, reject));
    call.on('error', (error) => reject(explain(socketPath, error)));
    call.end();
  });
}

/** `/api/v1/namespaces/<namespace>/pods/<name>` of a pod. */
export function podPath({ pod: { metadata } }: PodReport, root: 'api' | 'podwright' = 'api'): string {
  const parts = [metadata.namespace, 'pods', metadata.name].map(encodeURIComponent);
  return `/${root}/v1/namespaces/${parts.join('/')}`;
}

export function eventsPath({ uid, namespace }: { readonly uid?: string; readonly namespace?: string }): string {
  const base = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const selector = uid === undefined ? '' : `?fieldSelector=${encodeURIComponent(`involvedObject.uid=${uid}`)}`;
  return `/api/v1${base}/events${selector}`;
}

/** @param limitMs how long the daemon may be silent; undefined for any time */
async function ask(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  limitMs: number | undefined,
): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = request({ socketPath, path, method, agent: false }, resolve);
    if (limitMs !== undefined) failOnSilence(call, limitMs);
    call.on('error', (error) => reject(explain(socketPath, error)));
    call.end();
  });
  if (response.statusCode !== 200) throw await refusal(response);
  return response;
}

function failOnSilence(call: ClientRequest, limitMs: number): void {
  call.setTimeout(limitMs, () => call.destroy(new DaemonUnreachableError(`no answer within ${limitMs / 1000} s`)));
}

async function readJson(response: IncomingMessage): Promise<unknown> {
  return JSON.parse(await readText(response));
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** The message of a v1 Status, or whatever the answer was. */
async function refusal(response: IncomingMessage): Promise<DaemonError> {
  const text = await readText(response);
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    if (typeof message === 'string') return new DaemonError(message);
  } catch {
    // Said below.
  }
  return new DaemonError(`the daemon answered ${response.statusCode ?? 0}: ${text}`);
}

function explain(socketPath: string, error: NodeJS.ErrnoException): Error {
  const advice: Readonly<Record<string, string>> = {
    ENOENT: `there is no ${socketPath}: podwright is not running here, or listens elsewhere. Start it with "podwright run", or name its socket with --socket`,
    ECONNREFUSED: `nobody answers on ${socketPath}: podwright has stopped or was killed. Start it with "podwright run"`,
    EACCES: `${socketPath} is for root only: try again with sudo`,
  };
  const message = advice[error.code ?? ''];
  return message === undefined ? error : new DaemonUnreachableError(message);
}

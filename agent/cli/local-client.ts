import { request } from 'node:http';
import type { SourceProblem } from '../sources/types.ts';
import type { CoreEvent } from '../events/types.ts';
import type { NodeInfo, PodReport } from '../server/local/state.ts';

export const defaultSocketPath = '/run/podwright/podwright.sock';

/** The document at `/podwright/v1/status`. */
export interface StatusDocument {
  readonly node: NodeInfo;
  readonly pods: readonly PodReport[];
  readonly problems: readonly SourceProblem[];
}

/** The daemon cannot be asked; the message says why and what to do. */
export class DaemonUnreachableError extends Error {
  override readonly name = 'DaemonUnreachableError';
}

const timeoutMs = 10_000;

export async function fetchStatus(socketPath: string): Promise<StatusDocument> {
  return (await get(socketPath, '/podwright/v1/status')) as StatusDocument;
}

export async function fetchEvents(socketPath: string, uid: string): Promise<readonly CoreEvent[]> {
  const selector = encodeURIComponent(`involvedObject.uid=${uid}`);
  const list = (await get(socketPath, `/api/v1/events?fieldSelector=${selector}`)) as { items: readonly CoreEvent[] };
  return list.items;
}

async function get(socketPath: string, path: string): Promise<unknown> {
  const text = await new Promise<string>((resolve, reject) => {
    const call = request({ socketPath, path, timeout: timeoutMs }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`the daemon answered ${response.statusCode ?? 0} to ${path}: ${body}`));
      });
    });
    call.on('timeout', () => call.destroy(new DaemonUnreachableError(`no answer within ${timeoutMs / 1000} s`)));
    call.on('error', (error) => reject(explain(socketPath, error)));
    call.end();
  });
  return JSON.parse(text);
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

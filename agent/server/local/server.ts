import { lstat, mkdir, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { answer, failure } from './routes.ts';
import type { DaemonState } from './state.ts';

export interface LocalServerOptions {
  readonly socketPath: string;
  readonly state: DaemonState;
  readonly onListening?: () => void;
  /** Is told of connections that could not be accepted, e.g. for want of file descriptors. */
  readonly onError?: (error: unknown) => void;
}

/** Longest path that fits `sockaddr_un`; a longer one is cut by the kernel and bound elsewhere. */
const maxSocketPath = 107;

/**
 * Serves the local API on a socket that only root can open, until `signal` is aborted.
 *
 * @throws when the path is too long, cannot be made, or another process answers on it
 */
export async function startLocalServer(options: LocalServerOptions, signal: AbortSignal): Promise<void> {
  const { socketPath, state } = options;
  if (Buffer.byteLength(socketPath) > maxSocketPath) {
    throw new Error(`socket path ${socketPath} is longer than ${maxSocketPath} bytes: choose another with --socket`);
  }
  await mkdir(dirname(socketPath), { recursive: true, mode: 0o700 });
  await removeStale(socketPath);
  const server = createServer({ maxHeaderSize: 8192, requestTimeout: 10_000 }, (request, response) => {
    respond(response, state, request.method ?? '', request.url ?? '');
  });
  await listen(server, socketPath);
  server.on('error', (error) => options.onError?.(error)); // Without a listener it would end the daemon.
  options.onListening?.();
  await untilAborted(signal);
  await close(server);
}

/** A defect in what makes the answer must not take the daemon down. */
function respond(response: ServerResponse, state: DaemonState, method: string, target: string): void {
  let text: string;
  let status: number;
  try {
    const { code, body } = answer(state, method, target);
    [status, text] = [code, JSON.stringify(body)];
  } catch (error) {
    const { code, body } = failure(500, 'InternalError', error instanceof Error ? error.message : String(error));
    [status, text] = [code, JSON.stringify(body)];
  }
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(text);
}

/** Removes the socket of a daemon that was killed, and nothing else that may be there by a mistake in `--socket`. */
async function removeStale(socketPath: string): Promise<void> {
  const stats = await lstat(socketPath).catch(() => undefined);
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new Error(`${socketPath} is there and no socket: name another path with --socket`);
  if (await answers(socketPath)) throw new Error(`another process answers on ${socketPath}`);
  await rm(socketPath, { force: true });
}

async function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Binds with a mask that lets nobody else in, not even between `bind` and a `chmod`: Node binds within `listen`. */
async function listen(server: Server, socketPath: string): Promise<void> {
  const listening = once(server, 'listening');
  const mask = process.umask(0o177);
  server.listen(socketPath);
  process.umask(mask);
  try {
    await listening;
  } catch (error) {
    throw new Error(`cannot listen on ${socketPath}`, { cause: error });
  }
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeAllConnections();
  await closed;
}

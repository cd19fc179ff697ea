import { mkdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { answer } from './routes.ts';
import type { DaemonState } from './state.ts';

export interface LocalServerOptions {
  readonly socketPath: string;
  readonly state: DaemonState;
  readonly onListening?: () => void;
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
    const { code, body } = answer(state, request.method ?? '', request.url ?? '');
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  await listen(server, socketPath);
  options.onListening?.();
  await untilAborted(signal);
  await close(server);
}

/** Removes the socket of a daemon that was killed. */
async function removeStale(socketPath: string): Promise<void> {
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
  const listening = new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  });
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

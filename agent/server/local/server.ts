import { lstat, mkdir, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { NodeActions } from './actions.ts';
import { createHandlers } from './handlers.ts';
import type { DaemonState } from './state.ts';
import { untilAborted } from '../../until-aborted.ts';

export interface LocalServerOptions {
  readonly socketPath: string;
  readonly state: DaemonState;
  readonly actions: NodeActions;
  readonly onListening?: () => void;
  /** Is told of connections that could not be accepted, e.g. for want of file descriptors. */
  readonly onError?: (error: unknown) => void;
}

/** Bytes; room for the command of an `exec`, which is in the request's target. */
const maxHeaderSize = 256 * 1024;

/** Longest path that fits `sockaddr_un`; a longer one is cut by the kernel and bound elsewhere. */
const maxSocketPath = 107;

/**
 * Serves the local API on a socket that only root can open, until `signal` is aborted.
 *
 * @throws when the path is too long, cannot be made, or another process answers on it
 */
export async function startLocalServer(options: LocalServerOptions, signal: AbortSignal): Promise<void> {
  const { socketPath } = options;
  if (Buffer.byteLength(socketPath) > maxSocketPath) {
    throw new Error(`socket path ${socketPath} is longer than ${maxSocketPath} bytes: choose another with --socket`);
  }
  await mkdir(dirname(socketPath), { recursive: true, mode: 0o700 });
  await removeStale(socketPath);
  const handlers = createHandlers(options);
  const server = createServer({ maxHeaderSize, requestTimeout: 10_000 }, handlers.request);
  server.on('upgrade', handlers.upgrade);
  await listen(server, socketPath);
  server.on('error', (error) => options.onError?.(error)); // Without a listener it would end the daemon.
  options.onListening?.();
  await untilAborted(signal);
  const closed = close(server);
  await Promise.all([closed, handlers.stop()]);
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

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeAllConnections();
  await closed;
}

import { createServer, type Server } from 'node:http';
import type { NodeActions } from './actions.ts';
import { createHandlers } from './handlers.ts';
import type { DaemonState } from './state.ts';
import { untilAborted } from '../../until-aborted.ts';
import { listenOnSocket } from '../unix-socket.ts';

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

/**
 * Serves the local API on a socket that only root can open, until `signal` is aborted.
 *
 * @throws when the path is too long, cannot be made, or another process answers on it
 */
export async function startLocalServer(options: LocalServerOptions, signal: AbortSignal): Promise<void> {
  const { socketPath } = options;
  const handlers = createHandlers(options);
  const server = createServer({ maxHeaderSize, requestTimeout: 10_000 }, handlers.request);
  server.on('upgrade', handlers.upgrade);
  await listenOnSocket(server, socketPath, '--socket');
  server.on('error', (error) => options.onError?.(error)); // Without a listener it would end the daemon.
  options.onListening?.();
  await untilAborted(signal);
  const closed = close(server);
  await Promise.all([closed, handlers.stop()]);
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeAllConnections();
  await closed;
}

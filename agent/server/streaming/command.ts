import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { serveCommandOverSpdy } from './command-spdy.ts';
import { serveCommandOverWebSocket } from './command-websocket.ts';
import type { CommandOptions, RunCommand, StreamingLimits } from './types.ts';
import { defaultLimits } from './types.ts';
import { notAnUpgrade, refuse, requestedUpgrade } from './upgrade.ts';

/**
 * Serves `exec` or `attach` on a connection that asks to be upgraded to SPDY/3.1 or WebSocket. Owns the socket from the
 * call on, whatever happens: resolves when it is closed and `run` has settled, and never rejects. To end a session early,
 * destroy the socket.
 *
 * @param head what was read of the connection after the request
 */
export async function serveCommand(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: CommandOptions,
  run: RunCommand,
  limits: StreamingLimits = defaultLimits,
): Promise<void> {
  const wanted = { ...options, stderr: options.stderr && !options.tty };
  switch (requestedUpgrade(request)) {
    case 'spdy':
      return serveCommandOverSpdy(request, socket, head, wanted, run, limits);
    case 'websocket':
      return serveCommandOverWebSocket(request, socket, head, wanted, run, limits);
    case undefined:
      return refuse(socket, notAnUpgrade);
  }
}

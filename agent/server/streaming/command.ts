import { serveCommandOverSpdy } from './command-spdy.ts';
import { serveCommandOverWebSocket } from './command-websocket.ts';
import {
  type CommandOptions,
  defaultLimits,
  type RunCommand,
  type StreamingLimits,
  type UpgradeRequest,
} from './types.ts';
import { notAnUpgrade, refuse, requestedUpgrade } from './upgrade.ts';

/**
 * Serves `exec` or `attach` on a connection that asks to be upgraded to SPDY/3.1 or WebSocket. Owns the socket from the
 * call on, whatever happens: resolves when it is closed and `run` has settled, and never rejects. To end a session early,
 * destroy the socket.
 */
export async function serveCommand(
  upgrade: UpgradeRequest,
  options: CommandOptions,
  run: RunCommand,
  limits: StreamingLimits = defaultLimits,
): Promise<void> {
  const wanted = { ...options, stderr: options.stderr && !options.tty };
  switch (requestedUpgrade(upgrade.request)) {
    case 'spdy':
      return serveCommandOverSpdy(upgrade, wanted, run, limits);
    case 'websocket':
      return serveCommandOverWebSocket(upgrade, wanted, run, limits);
    case undefined:
      return refuse(upgrade.socket, notAnUpgrade);
  }
}

import type { DialPort } from './port-forward-run.ts';
import { forwardOverSpdy, portForwardProtocol } from './port-forward-spdy.ts';
import { servePortForwardOverWebSocket } from './port-forward-websocket.ts';
import { defaultLimits, type StreamingLimits, type UpgradeRequest } from './types.ts';
import { acceptSpdy, negotiate, notAnUpgrade, refuse, requestedUpgrade } from './upgrade.ts';

/**
 * Serves port-forward on a connection that asks to be upgraded to SPDY/3.1 or WebSocket. Owns the socket from the call on,
 * whatever happens: resolves when it and all that was dialled is closed, and never rejects. To end a session early, destroy
 * the socket.
 */
export async function servePortForward(
  upgrade: UpgradeRequest,
  dial: DialPort,
  limits: StreamingLimits = defaultLimits,
): Promise<void> {
  const { request, socket, head } = upgrade;
  switch (requestedUpgrade(request)) {
    case 'spdy': {
      const negotiation = negotiate(request.headers['x-stream-protocol-version'], [portForwardProtocol]);
      if ('refusal' in negotiation) return refuse(socket, negotiation.refusal);
      acceptSpdy(socket, negotiation.protocol);
      return forwardOverSpdy(socket, head, dial, limits);
    }
    case 'websocket':
      return servePortForwardOverWebSocket(upgrade, dial, limits);
    case undefined:
      return refuse(socket, notAnUpgrade);
  }
}

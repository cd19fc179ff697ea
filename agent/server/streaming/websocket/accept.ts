import { type WebSocket, WebSocketServer } from 'ws';
import type { UpgradeRequest } from '../types.ts';
import { listOf, refuse } from '../upgrade.ts';

/** Bytes of a message. kubectl sends 32 KiB; a browser may paste more. */
const maxPayload = 4 * 1024 * 1024;

/**
 * Upgrades to WebSocket with the first of the client's subprotocols that is served (`wsstream`, `handshake`); `''` stands for
 * a client that names none.
 *
 * @returns undefined when the request was refused and the connection closed
 */
export async function acceptWebSocket(
  { request, socket, head }: UpgradeRequest,
  served: readonly string[],
): Promise<{ readonly webSocket: WebSocket; readonly protocol: string } | undefined> {
  const offered = listOf(request.headers['sec-websocket-protocol']);
  const protocol = (offered.length === 0 ? [''] : offered).find((name) => served.includes(name));
  if (protocol === undefined) {
    const message = `none of the protocols ${offered.join(', ')} is served; accepted are ${served.join(', ')}`;
    await refuse(socket, { status: 403, message, headers: [] });
    return undefined;
  }
  const server = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload });
  // The name of the tunnel's protocol has a slash, which is no character of a token and which ws therefore refuses.
  request.headers['sec-websocket-protocol'] = undefined;
  if (protocol !== '') server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve) => {
    // ws answers a request that is no valid handshake by itself, and closes.
    socket.on('error', () => undefined).once('close', () => resolve(undefined));
    server.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => undefined);
      resolve({ webSocket, protocol });
    });
  });
}

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** What is answered instead of an upgrade. */
export interface Refusal {
  readonly status: 400 | 403;
  readonly message: string;
  readonly headers: readonly string[];
}

export type Negotiation = { readonly protocol: string } | { readonly refusal: Refusal };

/** What a request wants to be upgraded to; undefined for anything that is not served. */
export function requestedUpgrade({ headers }: Pick<IncomingMessage, 'headers'>): 'spdy' | 'websocket' | undefined {
  if (!/(^|,)\s*upgrade\s*($|,)/i.test(headers.connection ?? '')) return undefined;
  const upgrade = headers.upgrade?.toLowerCase() ?? '';
  if (upgrade === 'websocket') return 'websocket';
  return upgrade.includes('spdy/3.1') ? 'spdy' : undefined;
}

/**
 * The first protocol of the client's that is served (apimachinery `pkg/util/httpstream`, `Handshake`).
 *
 * @param offered the header `X-Stream-Protocol-Version`
 */
export function negotiate(offered: string | readonly string[] | undefined, served: readonly string[]): Negotiation {
  const client = listOf(offered);
  if (client.length === 0) {
    return { refusal: { status: 400, message: 'the header X-Stream-Protocol-Version is required', headers: [] } };
  }
  const protocol = client.find((name) => served.includes(name));
  if (protocol !== undefined) return { protocol };
  const message = `none of the protocols ${client.join(', ')} is served; accepted are ${served.join(', ')}`;
  const headers = served.map((name) => `X-Accepted-Stream-Protocol-Versions: ${name}`);
  return { refusal: { status: 403, message, headers } };
}

/** The values of a header that is a list. */
export function listOf(header: string | readonly string[] | undefined): readonly string[] {
  return [header ?? []]
    .flat()
    .flatMap((line) => line.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
}

export const notAnUpgrade: Refusal = {
  status: 400,
  message: 'the request must be an upgrade to SPDY/3.1 or WebSocket',
  headers: [],
};

const reasons = { 400: 'Bad Request', 403: 'Forbidden' } as const;

/** Milliseconds that a client may take to read a refusal. */
const refusalMs = 5_000;

/** Answers with an error and closes. Resolves when the connection is gone. */
export async function refuse(socket: Duplex, { status, message, headers }: Refusal): Promise<void> {
  const body = `${message}\n`;
  const head = [
    `HTTP/1.1 ${status} ${reasons[status]}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => socket.destroy(), refusalMs);
    socket.on('error', () => undefined).on('end', () => socket.destroy());
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    if (socket.destroyed) socket.emit('close');
    socket.resume();
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  });
}

/** Answers that the connection speaks SPDY from here on. */
export function acceptSpdy(socket: Duplex, protocol: string): void {
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n' +
      `X-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
  );
}

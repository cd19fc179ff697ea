import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { messageOf } from '../../cni/index.ts';
import type { HealthAnswer } from './proxy-health.ts';

/** A port that answers. */
export interface Listener {
  close(): Promise<void>;
}

/**
 * Serves HTTP on one address.
 *
 * @param host an IP address; undefined for all of the host, in both families where the kernel has IPv6
 */
export async function listen(host: string | undefined, port: number, answer: RequestListener): Promise<Listener> {
  // Answers are a few bytes: whoever takes longer to ask is no health checker.
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000 }, answer);
  server.listen({ port, ...(host === undefined ? {} : { host }) });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new Error(`cannot listen on ${formatAddress(host ?? '*', port)}: ${messageOf(error)}`, { cause: error });
  }
  // Later errors are of single connections, which the server ends itself.
  server.on('error', () => undefined);
  return { close: () => close(server) };
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

/** Splits `host:port`; the host is undefined for `0.0.0.0`, `::` and none, which all mean every address. */
export function parseAddress(text: string): { readonly host: string | undefined; readonly port: number } {
  const found = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const host = found?.[1] ?? found?.[2] ?? '';
  const port = Number(found?.[3]);
  if (found === null || port > 65_535 || (host !== '' && isIP(host) === 0)) {
    throw new Error(`'${text}' is no address to listen on: it must be IP:PORT, with an IPv6 address in brackets`);
  }
  return { host: ['', '0.0.0.0', '::'].includes(host) ? undefined : host, port };
}

export function sendJson(
  request: IncomingMessage,
  response: ServerResponse,
  { code, headers, body }: HealthAnswer,
): void {
  const fixed = { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff' };
  response.writeHead(code, { ...fixed, ...headers });
  response.end(request.method === 'HEAD' ? undefined : JSON.stringify(body));
}

function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Authority, Identity } from './certificates.ts';

export interface Received {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  /** Common name of the client certificate. */
  readonly client: string | undefined;
  readonly body: string;
}

export type Answer = (request: Received, response: ServerResponse) => void | Promise<void>;

/** An HTTPS server that gives each request to `answer`; it asks for client certificates. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly Received[];
  answer: Answer;
  /** TLS connections that were ever made. */
  readonly connections: () => number;
  /** Cuts all connections. */
  cut(): void;
  renew(identity: Identity): void;
  close(): Promise<void>;
}

export async function createTestServer(authority: Authority, identity: Identity, answer: Answer): Promise<TestServer> {
  const requests: Received[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer({
    cert: identity.certificate,
    key: identity.key,
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: false,
  });
  const test: TestServer = {
    url: '',
    port: 0,
    requests,
    answer,
    connections: () => connections,
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    renew: ({ certificate, key }) => server.setSecureContext({ cert: certificate, key, ca: authority.certificate }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  server.on('secureConnection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  server.on('request', (request, response) => {
    void receive(request).then(async (received) => {
      requests.push(received);
      await test.answer(received, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return Object.assign(test, { port, url: `https://127.0.0.1:${port}` });
}

async function receive(request: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const path = request.url ?? '';
  const { socket } = request;
  const name = socket instanceof TLSSocket ? socket.getPeerCertificate().subject?.CN : undefined;
  return {
    method: request.method ?? '',
    path,
    query: new URL(path, 'https://server').searchParams,
    authorization: request.headers.authorization,
    contentType: request.headers['content-type'],
    client: name?.toString(),
    body: Buffer.concat(chunks).toString(),
  };
}

export function sendJson(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** As an API server refuses. */
export function sendStatus(
  response: ServerResponse,
  code: number,
  reason: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  sendJson(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code }, headers);
}

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttp2Server, type Http2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A server on a port of its own; closing it ends its connections too. */
export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

type Handler = Parameters<typeof createServer>[1] & object;

export async function serveHttp(handler: Handler, host = '127.0.0.1'): Promise<Listening> {
  return listen(createServer(handler), host);
}

/** With a certificate that nobody has signed, for another name. */
export async function serveHttps(handler: Handler): Promise<Listening> {
  return listen(createHttpsServer(selfSigned(), handler));
}

export async function serveTcp(onConnection: (socket: Socket) => void): Promise<Listening> {
  return listen(createTcpServer(onConnection));
}

export async function serveHttp2(prepare: (server: Http2Server) => void): Promise<Listening> {
  const server = createHttp2Server();
  prepare(server);
  return listen(server);
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = await serveTcp(() => undefined);
  await server.close();
  return server.port;
}

async function listen(server: Server | HttpServer, host = '127.0.0.1'): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function selfSigned(): { readonly key: Buffer; readonly cert: Buffer } {
  const directory = mkdtempSync(join(tmpdir(), 'probes-'));
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  try {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const files = ['-keyout', key, '-out', cert, '-subj', '/CN=other.example', '-days', '1'];
    execFileSync('openssl', ['req', '-x509', ...curve, ...files], { stdio: 'ignore' });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

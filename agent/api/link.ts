import { Agent } from 'undici';
import type { ApiConnection } from './connection.ts';

/**
 * How long an unused connection is kept: longer than the node's own calls are apart (a Lease every 10 s), so that not each
 * of them has a TLS handshake, and shorter than what API servers and load balancers keep (50 s and more).
 */
const keepAliveMs = 30_000;
/**
 * After so much silence the kernel asks whether the other side is still there; Node.js has it ask ten times, a second
 * apart. A watch whose connection was cut silently so ends within half a minute; the kubelet takes 45 s (pings of HTTP/2).
 */
const tcpKeepAliveMs = 15_000;
const connectTimeoutMs = 10_000;

/** The pooled connections of one set of credentials. */
export interface Link {
  readonly connection: ApiConnection;
  /** Scheme, host, port. */
  readonly origin: string;
  /** Before each path; empty for most servers. */
  readonly prefix: string;
  readonly agent: Agent;
}

export function createLink(connection: ApiConnection): Link {
  const { origin, pathname } = new URL(connection.server);
  return { connection, origin, prefix: pathname.replace(/\/+$/, ''), agent: createAgent(connection) };
}

/** Whether two connections may share sockets: the token is sent with each request. */
export function sharesSockets(a: ApiConnection, b: ApiConnection): boolean {
  const fields = ['server', 'ca', 'certificate', 'key', 'tlsServerName', 'insecure'] as const;
  return fields.every((field) => a[field] === b[field]);
}

function createAgent({ ca, certificate, key, tlsServerName, insecure = false }: ApiConnection): Agent {
  return new Agent({
    pipelining: 1,
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: keepAliveMs,
    // Deadlines are the callers'.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: connectTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelay: tcpKeepAliveMs,
      rejectUnauthorized: !insecure,
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined ? {} : { cert: certificate }),
      ...(key === undefined ? {} : { key }),
      ...(tlsServerName === undefined ? {} : { servername: tlsServerName }),
    },
  });
}

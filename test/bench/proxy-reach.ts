import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Attempts at a time: a Service of five endpoints sends one of them where something listens, nine times in ten. */
const attempts = 10;
const pauseMs = 20;

export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Connects to a Service until one of its endpoints, the only one that listens, takes a connection: then the kernel has the rule.
 *
 * @returns when that was, milliseconds of {@link performance}, late by some 20 ms
 */
export async function untilReached(service: Address, endpoint: Address, signal: AbortSignal): Promise<number> {
  let reachedAt: number | undefined;
  const server = createServer((socket) => {
    reachedAt ??= performance.now();
    socket.destroy();
  });
  server.listen(endpoint.port, endpoint.host);
  await once(server, 'listening');
  try {
    while (reachedAt === undefined) {
      for (let nth = 0; nth < attempts; nth += 1) attempt(service);
      await delay(pauseMs, undefined, { signal });
    }
    return reachedAt;
  } finally {
    server.close();
  }
}

function attempt(service: Address): void {
  const socket = connect(service);
  socket.on('error', () => undefined);
  socket.on('connect', () => socket.destroy());
}

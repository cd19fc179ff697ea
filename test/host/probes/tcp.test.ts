import { afterEach, expect, test } from 'vitest';
import { probeTcp } from '../../../agent/probes/tcp.ts';
import type { Outcome } from '../../../agent/probes/types.ts';
import { closedPort, serveTcp, type Listening } from './servers.ts';

let server: Listening | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function probe(host: string, port: number, timeoutMs = 5_000): Promise<Outcome> {
  const { signal } = new AbortController();
  return probeTcp({ type: 'tcp', host, port }, { containerId: 'c1', timeoutMs, signal });
}

test('an open port is success, and nothing is sent to it', async () => {
  let received = '';
  const closed = new Promise<void>((resolve) => {
    void serveTcp((socket) => {
      socket.on('data', (chunk) => {
        received += String(chunk);
      });
      socket.once('close', () => resolve());
    }).then(async (listening) => {
      server = listening;
      expect(await probe('127.0.0.1', listening.port)).toEqual({ result: 'success' });
    });
  });
  await closed;
  expect(received).toBe('');
});

test('a closed port is a failure', async () => {
  const port = await closedPort();
  const message = `dial tcp 127.0.0.1:${port}: connect: connection refused`;
  expect(await probe('127.0.0.1', port)).toEqual({ result: 'failure', message });
  const message6 = `dial tcp [::1]:${port}: connect: connection refused`;
  expect(await probe('::1', port)).toEqual({ result: 'failure', message: message6 });
});

test('a probe that ends rejects with the reason', async () => {
  const controller = new AbortController();
  server = await serveTcp(() => undefined);
  const check = { type: 'tcp', host: '127.0.0.1', port: server.port } as const;
  const running = probeTcp(check, { containerId: 'c1', timeoutMs: 1_000, signal: controller.signal });
  controller.abort(new Error('gone'));
  await expect(running).rejects.toThrow('gone');
});

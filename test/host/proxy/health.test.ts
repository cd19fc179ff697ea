import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createProxyHealth,
  createServiceHealthServers,
  type HealthService,
  listen,
  type Listener,
  serveHealth,
  type ServiceHealthServers,
} from '../../../proxy/health/index.ts';
import { serveMetrics } from '../../../proxy/metrics/index.ts';
import { createLines, type Lines } from '../../unit/proxy/proxy-helpers.ts';

const HOST = '127.0.0.1';

/** A port that nobody has. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

/** Code, weight and body of an answer, or the reason why there is none. */
async function ask(url: string): Promise<readonly unknown[]> {
  try {
    const response = await fetch(url);
    const text = await response.text();
    return [response.status, response.headers.get('X-Load-Balancing-Endpoint-Weight'), text];
  } catch (error) {
    return [((error as Error).cause as NodeJS.ErrnoException).code];
  }
}

describe('the health ports of Services', () => {
  let log: Lines;
  let servers: ServiceHealthServers;
  let isProxyHealthy: boolean;
  let port: number;

  const serviceOf = (name: string, rest: Partial<HealthService> = {}): [string, HealthService] => [
    `lab/${name}`,
    { namespace: 'lab', name, port, localEndpoints: 1, ...rest },
  ];
  const at = (host: string, of = port): string => `http://${host}:${of}/`;

  beforeEach(async () => {
    log = createLines();
    isProxyHealthy = true;
    servers = createServiceHealthServers({ isProxyHealthy: () => isProxyHealthy, log });
    port = await freePort();
  });
  afterEach(() => servers.close());

  test('tell how many endpoints there are, on the addresses of node ports only', async () => {
    await servers.sync(new Map([serviceOf('web', { localEndpoints: 3 })]), [HOST, '127.0.0.3']);
    const body = '{"service":{"namespace":"lab","name":"web"},"localEndpoints":3,"serviceProxyHealthy":true}';
    expect(await ask(at(HOST))).toEqual([200, '3', body]);
    expect(await ask(at('127.0.0.3'))).toEqual([200, '3', body]);
    expect(await ask(at('127.0.0.2'))).toEqual(['ECONNREFUSED']);
  });

  test('follow what changes, without a moment in which they do not answer', async () => {
    await servers.sync(new Map([serviceOf('web')]), [HOST]);
    await servers.sync(new Map([serviceOf('web', { localEndpoints: 0 })]), [HOST]);
    expect((await ask(at(HOST))).slice(0, 2)).toEqual([503, '0']);
    await servers.sync(new Map([serviceOf('web')]), [HOST]);
    isProxyHealthy = false;
    expect((await ask(at(HOST)))[0]).toBe(503);
  });

  test('go from one Service to another, and close', async () => {
    await servers.sync(new Map([serviceOf('web')]), [HOST]);
    await servers.sync(new Map([serviceOf('api')]), [HOST]);
    expect(String((await ask(at(HOST)))[2])).toContain('"name":"api"');
    await servers.sync(new Map(), [HOST]);
    expect(await ask(at(HOST))).toEqual(['ECONNREFUSED']);
  });

  test('one that is taken is told once, keeps no other from being served, and is served when it is free', async () => {
    const taken = await listen(HOST, port, (_request, response) => response.end('mine'));
    const second = await freePort();
    const wanted = new Map([serviceOf('web'), serviceOf('api', { port: second })]);
    await servers.sync(wanted, [HOST]);
    await servers.sync(wanted, [HOST]);
    expect(log.lines).toEqual(['error cannot serve the health check node port of a Service']);
    expect((await ask(at(HOST, second)))[0]).toBe(200);
    expect((await ask(at(HOST)))[2]).toBe('mine');
    await taken.close();
    await servers.sync(wanted, [HOST]);
    expect((await ask(at(HOST)))[0]).toBe(200);
  });
});

describe('the ports of the proxy', () => {
  let listener: Listener | undefined;
  afterEach(() => listener?.close());

  test('/healthz and /livez', async () => {
    const port = await freePort();
    const health = createProxyHealth({ clock: { now: () => 0 }, timeoutMs: 1 });
    const answers: string[] = [];
    const onAnswer = (path: string, code: number) => void answers.push(`${path} ${code}`);
    listener = await serveHealth({ address: `${HOST}:${port}`, health, onAnswer });
    health.setNodeEligible(false);
    const times = '"lastUpdated":"1970-01-01T00:00:00.000Z","currentTime":"1970-01-01T00:00:00.000Z"';
    expect(await ask(`http://${HOST}:${port}/healthz`)).toEqual([503, null, `{${times},"nodeEligible":false}`]);
    expect(await ask(`http://${HOST}:${port}/livez?verbose`)).toEqual([200, null, `{${times}}`]);
    expect((await ask(`http://${HOST}:${port}/`))[0]).toBe(404);
    expect(answers).toEqual(['/healthz 503', '/livez 200']);
  });

  test('/metrics and /proxyMode', async () => {
    const port = await freePort();
    listener = await serveMetrics({ address: `${HOST}:${port}`, mode: 'nftables', render: () => 'a 1\n' });
    const pages = await Promise.all(
      ['metrics', 'proxyMode', 'healthz', 'constructor'].map((page) => ask(`http://${HOST}:${port}/${page}`)),
    );
    expect(pages).toEqual([
      [200, null, 'a 1\n'],
      [200, null, 'nftables'],
      [200, null, 'ok'],
      [404, null, '404 page not found\n'],
    ]);
  });
});

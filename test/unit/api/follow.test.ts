import type { ServerResponse } from 'node:http';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type ApiObject,
  createApiClient,
  type FollowHandler,
  type OwnedApiClient,
  resources,
} from '../../../agent/api/index.ts';
import { createFakeClock, type FakeClock } from '../probes/fake-clock.ts';
import { type Authority, createAuthority, type Identity } from './certificates.ts';
import { createTestServer, type Received, sendJson, sendStatus, type TestServer } from './server.ts';

let authority: Authority;
let identity: Identity;
let server: TestServer;
let clock: FakeClock;
let client: OwnedApiClient;
let stop: AbortController;
/** What the handler was told, in order. */
let told: string[];
/** Milliseconds that were slept. */
let sleeps: number[];
/** Watches that are open, the newest last. */
let watches: ServerResponse[];
/** Answers of the lists to come; then the last again. */
let lists: ((response: ServerResponse) => void)[];
let running: Promise<unknown> | undefined;

beforeAll(async () => {
  authority = await createAuthority('cluster');
  identity = await authority.issue('kube-apiserver', { ips: ['127.0.0.1'] });
});

beforeEach(async () => {
  [told, sleeps, watches, lists] = [[], [], [], []];
  server = await createTestServer(authority, identity, answer);
  clock = createFakeClock(1_700_000_000_000);
  stop = new AbortController();
  client = createApiClient({
    connection: async () => Promise.resolve({ server: server.url, ca: authority.certificate }),
    clock: {
      now: () => clock.now(),
      sleep: async (ms, signal) => {
        sleeps.push(ms);
        await clock.sleep(ms, signal);
      },
    },
    log: { warn: () => undefined, info: () => undefined },
    userAgent: 'podwright/test',
    random: () => 0,
  });
});

afterEach(async () => {
  stop.abort(new Error('stopped'));
  await running;
  running = undefined;
  await client.close();
  await server.close();
});

function answer({ query }: Received, response: ServerResponse): void {
  if (query.get('watch') === 'true') {
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    watches.push(response);
  } else {
    const [next] = lists.length > 1 ? lists.splice(0, 1) : lists;
    next?.(response);
  }
}

const listOf =
  (version: string, ...names: string[]) =>
  (response: ServerResponse): void =>
    sendJson(response, 200, { metadata: { resourceVersion: version }, items: names.map((name) => pod(name)) });

function pod(name: string, resourceVersion = '1'): ApiObject {
  return { metadata: { name, resourceVersion } };
}

const event = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;
const bookmark = (version: string): string => event('BOOKMARK', { metadata: { resourceVersion: version } });
const names = (items: readonly ApiObject[]): string => items.map(({ metadata }) => metadata.name).join(',');

const handler: FollowHandler = {
  listed: (items) => told.push(`listed ${names(items)}`),
  applied: ({ metadata }) => told.push(`applied ${metadata.name}`),
  deleted: ({ metadata }) => told.push(`deleted ${metadata.name}`),
  lost: (error, failures) => told.push(`lost ${failures}: ${(error as Error).message}`),
};

function follow(): void {
  running = client
    .follow(resources.pods, { fieldSelector: 'spec.nodeName=n1' }, handler, stop.signal)
    .catch((error: unknown) => error);
}

/** Waits on a condition of the real server; `each` runs between the looks. */
async function until(condition: () => boolean, each: () => Promise<void> = async () => turn()): Promise<void> {
  for (const end = Date.now() + 30_000; !condition(); await delay(5)) {
    if (Date.now() > end) throw new Error(`waited too long; told so far: ${told.join(' | ')}`);
    await each();
  }
}

/** Lets time pass until a condition holds. */
const pass = async (condition: () => boolean, ms = 100): Promise<void> =>
  until(condition, async () => clock.advance(ms));

/** How the server was asked, without what never changes. */
function asked(): string[] {
  return server.requests.map(({ query }) =>
    [query.get('watch') === 'true' ? 'watch' : 'list', query.get('resourceVersion') ?? 'newest'].join(' '),
  );
}

const openWatch = async (count = 1): Promise<ServerResponse> => {
  await until(() => watches.length === count);
  return watches[count - 1]!;
};

describe('follow', { timeout: 60_000 }, () => {
  it('lists, then tells what the watch says in order, and ends with the reason of the signal', async () => {
    lists = [listOf('10', 'a', 'b')];
    follow();
    const watch = await openWatch();
    watch.write(event('ADDED', pod('c', '11')) + event('MODIFIED', pod('a', '12')) + event('DELETED', pod('b', '13')));
    await until(() => told.length === 4);
    expect(told).toEqual(['listed a,b', 'applied c', 'applied a', 'deleted b']);
    expect(server.requests.map(({ path }) => path)).toEqual([
      '/api/v1/pods?fieldSelector=spec.nodeName%3Dn1&limit=500&resourceVersion=0',
      '/api/v1/pods?fieldSelector=spec.nodeName%3Dn1&watch=true&allowWatchBookmarks=true&resourceVersion=10&timeoutSeconds=300',
    ]);
    stop.abort(new Error('enough'));
    expect(await running).toEqual(new Error('enough'));
  });

  it('reads events that come in any pieces', async () => {
    lists = [listOf('10')];
    follow();
    const watch = await openWatch();
    const object = { ...pod('ä-☃-😀', '11'), data: 'x'.repeat(300_000) };
    const bytes = Buffer.from(event('ADDED', object) + event('ADDED', pod('ö', '12')));
    for (const cut of [30, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58]) {
      watch.write(bytes.subarray(cut === 30 ? 0 : cut === 47 ? 30 : cut - 1, cut));
      await delay(2);
    }
    watch.write(bytes.subarray(58));
    await until(() => told.length === 3);
    expect(told).toEqual(['listed ', 'applied ä-☃-😀', 'applied ö']);
  });

  it('continues from the last event or bookmark when the server ends the watch', async () => {
    lists = [listOf('10')];
    follow();
    const first = await openWatch(1);
    first.end(event('ADDED', pod('a', '11')) + bookmark('20'));
    const second = await openWatch(2);
    second.end(event('ADDED', pod('b', '21')));
    await openWatch(3);
    expect(told).toEqual(['listed ', 'applied a', 'applied b']);
    expect(asked()).toEqual(['list 0', 'watch 10', 'watch 20', 'watch 21']);
  });

  it('lists at least so new after a watch that was cut in the middle of a line', async () => {
    lists = [listOf('10', 'a'), listOf('30', 'b')];
    follow();
    const watch = await openWatch();
    watch.write(bookmark('20') + event('ADDED', pod('c', '21')).slice(0, 20));
    await delay(20);
    watch.socket?.destroy();
    await pass(() => watches.length === 2);
    expect(told).toEqual([
      'listed a',
      expect.stringMatching(/^lost 1: watch pods with spec.nodeName=n1: /),
      'listed b',
    ]);
    expect(asked()).toEqual(['list 0', 'watch 10', 'list 20', 'watch 30']);
    expect(server.requests[2]?.query.get('limit')).toBeNull();
  });

  it('lists anew when the watch says that the version is too old, which is no loss', async () => {
    lists = [listOf('10', 'a'), listOf('30', 'b')];
    follow();
    const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 10 (25)' };
    (await openWatch()).write(event('ERROR', status));
    await pass(() => watches.length === 2);
    expect(told).toEqual(['listed a', 'listed b']);
    expect(asked()).toEqual(['list 0', 'watch 10', 'list 10', 'watch 30']);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    [
      'does not have it yet',
      (response) => sendStatus(response, 504, 'Timeout', 'Timeout: Too large resource version: 20'),
    ],
    ['has it no more', (response) => sendStatus(response, 410, 'Expired', 'too old')],
  ])('lists the newest when the server %s', async (_, refusal) => {
    lists = [listOf('20', 'a'), refusal, listOf('5', 'b')];
    follow();
    (await openWatch()).socket?.destroy();
    await pass(() => watches.length === 2);
    expect(told.filter((line) => !line.startsWith('lost'))).toEqual(['listed a', 'listed b']);
    expect(asked()).toEqual(['list 0', 'watch 20', 'list 20', 'list newest', 'watch 5']);
  });

  it('lists after a watch of which nothing came, so that a server that was set back is found', async () => {
    lists = [listOf('10')];
    follow();
    const watch = await openWatch();
    await clock.advance(290_000);
    watch.end();
    await openWatch(2);
    expect(asked()).toEqual(['list 0', 'watch 10', 'list 10', 'watch 10']);
    expect(told).toEqual(['listed ', 'listed ']);
  });

  it('finds a watch that is silent after a bookmark', async () => {
    lists = [listOf('10')];
    follow();
    (await openWatch()).write(event('ADDED', pod('a', '11')) + bookmark('12'));
    await until(() => told.length === 2);
    await clock.advance(180_000); // With the events.
    await clock.advance(180_000); // Without.
    await pass(() => watches.length === 2);
    expect(told).toEqual([
      'listed ',
      'applied a',
      'lost 1: watch pods with spec.nodeName=n1: the server fell silent',
      'listed ',
    ]);
  });

  it.each([
    ['no JSON', '{"type":\n', 'a line that is no JSON'],
    ['no event', '[1]\n', 'a line that is no event'],
    ['unknown', event('NEWS', pod('a')), 'an unknown event NEWS'],
    ['without an object', event('ADDED', null), 'an event ADDED without an object'],
  ])('ends the watch on a line that is %s', async (_, line, reason) => {
    lists = [listOf('10')];
    follow();
    (await openWatch()).write(line);
    await pass(() => watches.length === 2);
    expect(told).toEqual(['listed ', `lost 1: watch pods with spec.nodeName=n1: the server sent ${reason}`, 'listed ']);
  });

  it('waits longer and longer while the server is away, then starts again', async () => {
    lists = [(response) => response.socket?.destroy()];
    follow();
    await pass(() => told.length === 7, 1_000);
    expect(sleeps).toEqual([800, 1600, 3200, 6400, 12_800, 15_000, 15_000]);
    expect(told.map((line) => line.slice(0, 7))).toEqual([1, 2, 3, 4, 5, 6, 7].map((count) => `lost ${count}:`));
    lists = [listOf('10')];
    await pass(() => watches.length === 1);
    expect(told.at(-1)).toBe('listed ');
  });

  it('waits as long as a busy server asks, and then watches on', async () => {
    lists = [listOf('10')];
    follow();
    const status = { kind: 'Status', code: 429, reason: 'TooManyRequests', message: 'later' };
    const watch = await openWatch();
    server.answer = (request, response) => {
      if (request.query.get('watch') === 'true' && asked().length === 3)
        sendStatus(response, 429, 'TooManyRequests', 'later', { 'retry-after': '20' });
      else answer(request, response);
    };
    watch.end(event('ADDED', pod('a', '11')) + event('ERROR', status));
    await pass(() => asked().length === 3, 100);
    await until(() => told.length === 4);
    const from = clock.now();
    await pass(() => watches.length === 2, 100);
    expect(clock.now() - from).toBeGreaterThanOrEqual(20_000);
    expect(asked()).toEqual(['list 0', 'watch 10', 'watch 11', 'watch 11']);
  });
});

describe('list', { timeout: 60_000 }, () => {
  const page = (next: string, ...items: string[]): object => ({
    metadata: { resourceVersion: '7', continue: next },
    items: items.map((name) => pod(name)),
  });

  it('asks page by page', async () => {
    server.answer = ({ query }, response) =>
      sendJson(response, 200, query.get('continue') === 'two' ? page('', 'b', 'c') : page('two', 'a'));
    const { items, resourceVersion } = await client.list(resources.pods, { namespace: 'default' }, stop.signal);
    expect([names(items), resourceVersion]).toEqual(['a,b,c', '7']);
    expect(server.requests.map(({ path }) => path)).toEqual([
      '/api/v1/namespaces/default/pods?limit=500',
      '/api/v1/namespaces/default/pods?limit=500&continue=two',
    ]);
  });

  it('asks for all at once when the pages have expired', async () => {
    server.answer = ({ query }, response) => {
      if (query.has('continue')) sendStatus(response, 410, 'Expired', 'The provided continue parameter is too old');
      else sendJson(response, 200, query.has('limit') ? page('two', 'a') : page('', 'b', 'c'));
    };
    const { items } = await client.list(resources.pods, {}, stop.signal);
    expect(names(items)).toBe('b,c');
    expect(server.requests.map(({ path }) => path)).toEqual([
      '/api/v1/pods?limit=500',
      '/api/v1/pods?limit=500&continue=two',
      '/api/v1/pods',
    ]);
  });

  it('an empty list of Go is null', async () => {
    server.answer = (_, response) => sendJson(response, 200, { metadata: { resourceVersion: '7' }, items: null });
    expect(await client.list(resources.pods, {}, stop.signal)).toEqual({ items: [], resourceVersion: '7' });
  });
});

import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type CommandOptions,
  defaultLimits,
  type RunCommand,
  serveCommand,
  type StreamingLimits,
} from '../../../../agent/server/streaming/index.ts';
import { SpdyClient, upgrade, UpgradeServer } from './spdy-client.ts';

const ALL: CommandOptions = { stdin: true, stdout: true, stderr: true, tty: false };
const V4 = 'v4.channel.k8s.io';

let server: UpgradeServer;
afterEach(() => server.stop());

async function start(options: CommandOptions, run: RunCommand, limits: StreamingLimits = defaultLimits): Promise<void> {
  server = await UpgradeServer.start((asked) => serveCommand(asked, options, run, limits));
}

const open = (client: SpdyClient, ...types: string[]): number[] =>
  types.map((streamtype) => client.open({ streamtype }));

/** Echoes stdin to stdout. */
const cat: RunCommand = async ({ stdin, stdout }) => {
  if (stdin !== undefined && stdout !== undefined) await pipeline(stdin, stdout);
  return 0;
};

describe('ends of a command', () => {
  const failure = (reason: string, message: string, more: object): string =>
    JSON.stringify({ apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', reason, message, ...more });
  const exit3 = 'command terminated with non-zero exit code: 3';
  const causes = { details: { causes: [{ reason: 'ExitCode', message: '3' }] } };
  test.each<[string, RunCommand, string]>([
    [V4, () => Promise.resolve(0), '{"apiVersion":"v1","kind":"Status","metadata":{},"status":"Success"}'],
    [V4, () => Promise.resolve(3), failure('NonZeroExitCode', exit3, causes)],
    [V4, () => Promise.resolve(new Error('no such container')), failure('InternalError', 'no such container', {})],
    [V4, () => Promise.reject(new Error('broken')), failure('InternalError', 'broken', {})],
    ['v3.channel.k8s.io', () => Promise.resolve(0), ''],
    ['v2.channel.k8s.io', () => Promise.resolve(3), exit3],
    ['channel.k8s.io', () => Promise.resolve(new Error('no such container')), 'no such container'],
  ])('%s %#', async (protocol, run, expected) => {
    await start({ ...ALL, stdin: false }, run);
    const client = await SpdyClient.connect(server.port, protocol);
    const [error = 0, stdout = 0, stderr = 0] = open(client, 'error', 'stdout', 'stderr');
    await client.until(() => client.get(error).fin);
    expect(client.text(error)).toBe(expected);
    expect([stdout, stderr].map((id) => client.get(id).fin)).toEqual([true, true]);
    await client.closed();
  });
});

describe('streams', () => {
  test('both directions, half-closed, all output before the status', async () => {
    await start(ALL, cat);
    const client = await SpdyClient.connect(server.port, V4);
    const [error = 0, stdin = 0, stdout = 0] = open(client, 'error', 'stdin', 'stdout', 'stderr');
    client.data(stdin, 'hello ');
    client.data(stdin, 'world', true);
    await client.until(() => client.get(error).fin);
    expect(client.text(stdout)).toBe('hello world');
    expect([...client.streams.values()].every(({ replied }) => replied)).toBe(true);
    await client.closed();
    expect(client.frames.at(-1)).toEqual({ type: 'goAway', lastStreamId: 7, status: 0 });
  });

  test('a terminal has sizes and no stderr', async () => {
    const sizes: unknown[] = [];
    await start({ ...ALL, tty: true }, async ({ stdin, stdout, stderr, tty, onResize }) => {
      expect([tty, stderr]).toEqual([true, undefined]);
      onResize?.((size) => {
        sizes.push(size);
        if (sizes.length === 2) stdout?.write('resized');
      });
      stdin?.resume();
      if (stdin !== undefined) await once(stdin, 'end');
      return 0;
    });
    const client = await SpdyClient.connect(server.port, V4);
    const [, stdin = 0, stdout = 0, resize = 0] = open(client, 'error', 'stdin', 'stdout', 'resize');
    client.data(resize, '{"Width":80,"Height":24}\n{"Wid');
    client.data(resize, 'th":100,"Height":50}\n{"Width":"x"}');
    await client.until(() => client.text(stdout) === 'resized');
    client.data(stdin, '', true);
    await client.closed();
    expect(sizes).toEqual([
      { width: 80, height: 24 },
      { width: 100, height: 50 },
    ]);
  });

  test('a stream that was not asked for, or comes twice, is refused', async () => {
    await start({ ...ALL, stderr: false }, cat);
    const client = await SpdyClient.connect(server.port, V4);
    const ids = open(client, 'error', 'stderr', 'error', 'resize', 'nonsense', 'stdin', 'stdout');
    await client.until(() => client.get(13).replied);
    expect(ids.map((id) => client.get(id).reset)).toEqual([undefined, 3, 3, 3, 3, undefined, undefined]);
    client.socket.destroy();
  });

  test('a command that reads no input ends all the same', async () => {
    await start(ALL, () => Promise.resolve(0));
    const client = await SpdyClient.connect(server.port, V4);
    const [error = 0, stdin = 0] = open(client, 'error', 'stdin', 'stdout', 'stderr');
    for (let i = 0; i < 64; i += 1) client.data(stdin, Buffer.alloc(64 * 1024));
    await client.until(() => client.get(error).fin);
    expect(client.get(stdin).reset).toBeUndefined();
    await client.closed();
  });
});

describe('connection', () => {
  test('pings are answered, other frames are passed over', async () => {
    await start(ALL, cat);
    const client = await SpdyClient.connect(server.port, V4);
    client.socket.write(Buffer.from('800300040000000c0000000100000004000000 64'.replace(' ', ''), 'hex'));
    client.send({ type: 'windowUpdate', streamId: 0, delta: 65_536 });
    client.send({ type: 'ping', id: 7 });
    await client.until(() => client.frames.length === 1);
    expect(client.frames).toEqual([{ type: 'ping', id: 7 }]);
    client.socket.destroy();
  });

  test('the command is told that the client has gone', async () => {
    let aborted = false;
    await start(ALL, async ({ stdout }, signal) => {
      stdout?.write('here');
      await once(signal, 'abort');
      aborted = true;
      return 137;
    });
    const client = await SpdyClient.connect(server.port, V4);
    const [, , stdout = 0] = open(client, 'error', 'stdin', 'stdout', 'stderr');
    await client.until(() => client.text(stdout) === 'here');
    client.socket.destroy();
    await Promise.all(server.running);
    expect(aborted).toBe(true);
  });

  test.each([
    ['streams that do not come', { ...defaultLimits, creationTimeoutMs: 30 }, ['error', 'stdin']],
    ['no data', { ...defaultLimits, idleTimeoutMs: 30 }, ['error', 'stdin', 'stdout', 'stderr']],
  ])('%s end it', async (_name, limits, types) => {
    await start(ALL, cat, limits);
    const client = await SpdyClient.connect(server.port, V4);
    open(client, ...types);
    await client.closed();
    await Promise.all(server.running);
  });

  test('garbage ends it', async () => {
    await start(ALL, cat);
    const client = await SpdyClient.connect(server.port, V4);
    client.socket.write(Buffer.alloc(4096, 0xff));
    await client.closed();
    await Promise.all(server.running);
  });
});

describe('upgrade', () => {
  test.each([
    [{ Upgrade: 'SPDY/3.1' }, 400, undefined],
    [{ Upgrade: 'h2c', 'X-Stream-Protocol-Version': V4 }, 400, undefined],
    [
      { Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': 'v9.channel.k8s.io, v8.channel.k8s.io' },
      403,
      'v5.channel.k8s.io, v4.channel.k8s.io, v3.channel.k8s.io, v2.channel.k8s.io, channel.k8s.io',
    ],
  ])('%j is refused with %d', async (headers, status, accepted) => {
    await start(ALL, cat);
    const { response } = await upgrade(server.port, headers);
    response.resume();
    expect(response.statusCode).toBe(status);
    expect(response.headers['x-accepted-stream-protocol-versions']).toBe(accepted);
  });

  test("the client's first choice is taken", async () => {
    await start(ALL, cat);
    const headers = { Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': ['v9.x', 'v3.channel.k8s.io', V4] };
    const { response, socket } = await upgrade(server.port, headers);
    const { connection, upgrade: to, 'x-stream-protocol-version': version } = response.headers;
    expect([response.statusCode, connection, to, version]).toEqual([101, 'Upgrade', 'SPDY/3.1', 'v3.channel.k8s.io']);
    socket?.destroy();
  });
});

test('50 MB pass both ways, and no more than the buffers wait when the command does not read', async () => {
  const total = 50 * 1024 * 1024;
  const chunk = Buffer.alloc(32 * 1024, 'x');
  const go = new AbortController();
  await start(ALL, async (streams, signal) => {
    await once(go.signal, 'abort');
    return cat(streams, signal);
  });
  const client = await SpdyClient.connect(server.port, V4);
  client.keepsData = false;
  const [error = 0, stdin = 0, stdout = 0] = open(client, 'error', 'stdin', 'stdout', 'stderr');
  let sent = 0;
  for (; client.data(stdin, chunk); sent += chunk.length) await new Promise(setImmediate);
  expect(sent).toBeLessThan(total / 2);
  go.abort();
  for (sent += chunk.length; sent < total; sent += chunk.length) {
    if (!client.data(stdin, chunk)) await once(client.socket, 'drain');
  }
  client.data(stdin, '', true);
  await client.until(() => client.get(error).fin);
  expect(client.get(stdout).bytes).toBe(total);
}, 120_000);

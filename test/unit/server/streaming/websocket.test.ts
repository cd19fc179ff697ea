import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import fc from 'fast-check';
import {
  type CommandOptions,
  defaultLimits,
  type DialPort,
  type RunCommand,
  serveCommand,
  servePortForward,
} from '../../../../agent/server/streaming/index.ts';
import { portsOf } from '../../../../agent/server/streaming/port-forward-websocket.ts';
import { decodeMessage, encodeMessage } from '../../../../agent/server/streaming/websocket/channels.ts';
import { SpdyClient, upgrade, UpgradeServer } from './spdy-client.ts';

const ALL: CommandOptions = { stdin: true, stdout: true, stderr: true, tty: false };
const V5 = 'v5.channel.k8s.io';

let server: UpgradeServer;
afterEach(() => server.stop());

async function start(options: CommandOptions, run: RunCommand, limits = defaultLimits): Promise<void> {
  server = await UpgradeServer.start((asked) => serveCommand(asked, options, run, limits));
}

interface Session {
  readonly socket: WebSocket;
  /** Messages as they came. */
  readonly messages: Buffer[];
  readonly closed: Promise<unknown>;
}

async function open(protocols: string[], path = '/'): Promise<Session> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, protocols);
  const messages: Buffer[] = [];
  socket.on('message', (data: Buffer) => messages.push(data));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'open');
  return { socket, messages, closed };
}

/** A client of a subprotocol whose name ws does not take. */
async function openTunnel(protocol: string): Promise<WebSocket> {
  const { response, socket, head } = await upgrade(server.port, {
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol': protocol,
  });
  expect(response.headers['sec-websocket-protocol']).toBe(protocol);
  const client = Reflect.construct(WebSocket, [null, undefined, { autoPong: true }]) as WebSocket;
  const inner = client as unknown as { _isServer: boolean; setSocket(...args: unknown[]): void };
  inner._isServer = false;
  inner.setSocket(socket, head, { allowSynchronousEvents: true, maxPayload: 0, skipUTF8Validation: false });
  return client;
}

/** What came on one channel of a binary protocol. */
const on = ({ messages }: Session, channel: number): string =>
  Buffer.concat(messages.filter(([first]) => first === channel).map((message) => message.subarray(1))).toString();

async function until({ socket }: Session, condition: () => boolean): Promise<void> {
  while (!condition()) await once(socket, 'message');
}

const cat: RunCommand = async ({ stdin, stdout }) => {
  if (stdin !== undefined && stdout !== undefined) await pipeline(stdin, stdout);
  return 0;
};

describe('exec', () => {
  const success = '{"apiVersion":"v1","kind":"Status","metadata":{},"status":"Success"}';

  test('v5: the client closes stdin', async () => {
    await start(ALL, cat);
    const session = await open([V5, 'v4.channel.k8s.io']);
    expect(session.socket.protocol).toBe(V5);
    session.socket.send(Buffer.from('\0hello '));
    session.socket.send(Buffer.from('\0world'));
    session.socket.send(Buffer.of(255, 0));
    await session.closed;
    expect(session.messages[0]).toEqual(Buffer.of(1));
    expect([on(session, 1), on(session, 3)]).toEqual(['hello world', success]);
  });

  test.each<[string[], string, RunCommand, string[]]>([
    [['v4.channel.k8s.io'], 'v4.channel.k8s.io', () => Promise.resolve(0), ['\u0001', `\u0003${success}`]],
    [
      ['v4.base64.channel.k8s.io'],
      'v4.base64.channel.k8s.io',
      () => Promise.resolve(0),
      ['1', `3${Buffer.from(success).toString('base64')}`],
    ],
    [['channel.k8s.io'], 'channel.k8s.io', () => Promise.resolve(0), ['\u0001']],
    [['base64.channel.k8s.io'], 'base64.channel.k8s.io', () => Promise.resolve(new Error('no')), ['1', '3bm8=']],
    [[], '', () => Promise.reject(new Error('no')), ['\u0001', '\u0003no']],
  ])('%j', async (protocols, chosen, run, expected) => {
    await start(ALL, run);
    const session = await open(protocols);
    await session.closed;
    expect(session.socket.protocol).toBe(chosen);
    expect(session.messages.map(String)).toEqual(expected);
  });

  test('base64 input and sizes of the terminal', async () => {
    await start({ ...ALL, tty: true }, async ({ stdin, stdout, stderr, onResize }) => {
      expect(stderr).toBeUndefined();
      onResize?.(({ width, height }) => stdout?.write(`${width}x${height}`));
      if (stdin !== undefined) stdout?.write(String((await once(stdin, 'data'))[0]));
      return 0;
    });
    const session = await open(['v4.base64.channel.k8s.io']);
    session.socket.send(`4${Buffer.from('{"Width":80,"Height":24}').toString('base64')}`);
    session.socket.send(`0${Buffer.from('typed').toString('base64')}`);
    await session.closed;
    const output = session.messages.map(String).filter((message) => message.startsWith('1'));
    expect(output.map((message) => Buffer.from(message.slice(1), 'base64').toString()).join('')).toBe('80x24typed');
  });

  test('a subprotocol that is not served is refused', async () => {
    await start(ALL, cat);
    await expect(open(['v9.channel.k8s.io'])).rejects.toThrow('403');
  });

  test('the command is told that the client has gone', async () => {
    let aborted = false;
    await start(ALL, async (_streams, signal) => {
      await once(signal, 'abort');
      aborted = true;
      return 137;
    });
    const session = await open([V5]);
    session.socket.terminate();
    await session.closed;
    await Promise.all(server.running);
    expect(aborted).toBe(true);
  });

  test('no data for too long ends it', async () => {
    await start(ALL, cat, { ...defaultLimits, idleTimeoutMs: 30 });
    const session = await open([V5]);
    await session.closed;
    await Promise.all(server.running);
  });

  test('50 MB pass both ways, and no more than the buffers wait when the command does not read', async () => {
    const total = 50 * 1024 * 1024;
    const message = Buffer.alloc(32 * 1024 + 1);
    const go = new AbortController();
    await start(ALL, async (streams, signal) => {
      await once(go.signal, 'abort');
      return cat(streams, signal);
    });
    const session = await open([V5]);
    session.socket.removeAllListeners('message');
    let received = 0;
    session.socket.on('message', (data: Buffer) => (received += data[0] === 1 ? data.length - 1 : 0));
    const send = (): Promise<void> => new Promise((resolve) => session.socket.send(message, () => resolve()));
    let sent = 0;
    for (; session.socket.bufferedAmount < 1024 * 1024; sent += message.length - 1) {
      void send();
      await new Promise(setImmediate);
    }
    expect(sent).toBeLessThan(total / 2);
    go.abort();
    for (; sent < total; sent += message.length - 1) await send();
    session.socket.send(Buffer.of(255, 0));
    await session.closed;
    expect(received).toBe(sent);
  }, 120_000);
});

describe('port-forward', () => {
  const target = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined).pipe(socket);
  });
  const dial: DialPort = async (port) => {
    if (port !== 80) throw new Error(`nobody listens on port ${port}`);
    if (!target.listening) await once(target.listen(0, '127.0.0.1').unref(), 'listening');
    const socket = connect({ port: (target.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    return socket;
  };
  const startForward = async (): Promise<void> => {
    server = await UpgradeServer.start((asked) => servePortForward(asked, dial));
  };

  test('two channels a port, each with the port first', async () => {
    await startForward();
    const session = await open(['v4.channel.k8s.io'], '/?port=80&port=443');
    await until(session, () => on(session, 3).length > 2);
    session.socket.send(Buffer.from('\0hello'));
    await until(session, () => on(session, 0).length > 2);
    expect([0, 1, 2, 3].map((channel) => on(session, channel))).toEqual([
      'P\0hello',
      'P\0',
      '\ufffd\u0001',
      '\ufffd\u0001error forwarding port 443: nobody listens on port 443',
    ]);
    session.socket.close();
    await session.closed;
    await Promise.all(server.running);
  });

  test('SPDY in a tunnel', async () => {
    await startForward();
    const socket = await openTunnel('SPDY/3.1+portforward.k8s.io');
    const client = new SpdyClient(createWebSocketStream(socket), Buffer.alloc(0));
    const error = client.open({ streamtype: 'error', port: '80', requestid: '1' }, true);
    const data = client.open({ streamtype: 'data', port: '80', requestid: '1' });
    client.data(data, 'through the tunnel', true);
    await client.until(() => client.get(data).fin && client.get(error).fin);
    expect([client.text(data), client.text(error)]).toEqual(['through the tunnel', '']);
    socket.close();
    await Promise.all(server.running);
  });

  test.each(['/', '/?port=', '/?port=0', '/?port=80,65536', '/?port=x'])('%s is refused', async (path) => {
    await startForward();
    await expect(open(['v4.channel.k8s.io'], path)).rejects.toThrow('400');
  });

  test('ports of a query', () => {
    expect(portsOf('/portForward/a/b?port=80,81&port=65535')).toEqual([80, 81, 65_535]);
  });
});

test('messages come out as they were put in', () => {
  const codec = fc.constantFrom('binary' as const, 'base64' as const);
  fc.assert(
    fc.property(codec, fc.integer({ min: 0, max: 4 }), fc.uint8Array(), (name, channel, bytes) => {
      const data = Buffer.from(bytes);
      expect(decodeMessage(name, Buffer.from(encodeMessage(name, channel, data)))).toEqual({ channel, data });
    }),
  );
  expect(decodeMessage('binary', Buffer.alloc(0))).toBeUndefined();
});

import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits, type DialPort, servePortForward } from '../../../../agent/server/streaming/index.ts';
import { portOf, requestId } from '../../../../agent/server/streaming/port-forward-pairs.ts';
import { SpdyClient, UpgradeServer } from './spdy-client.ts';

let server: UpgradeServer;
let target: Server;
let onTarget: (socket: Socket) => void;

/** Dials the target for port 80; nothing else is there. */
const dial: DialPort = async (port) => {
  if (port !== 80) throw new Error(`nobody listens on port ${port}`);
  const socket = connect({ port: (target.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
};

beforeEach(async () => {
  target = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    onTarget(socket);
  });
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
});

afterEach(async () => {
  await server.stop();
  target.close();
});

async function start(limits = defaultLimits): Promise<SpdyClient> {
  server = await UpgradeServer.start((asked) => servePortForward(asked, dial, limits));
  return SpdyClient.connect(server.port, 'portforward.k8s.io');
}

function openPair(
  client: SpdyClient,
  port: string,
  requestid?: string,
): { readonly error: number; readonly data: number } {
  const id = requestid === undefined ? {} : { requestid };
  return {
    error: client.open({ streamtype: 'error', port, ...id }, true),
    data: client.open({ streamtype: 'data', port, ...id }),
  };
}

describe('forwarding', () => {
  test("the client's end is passed on, and the answer comes after it", async () => {
    onTarget = (socket) => {
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.on('end', () => socket.end(`got ${text}`));
    };
    const client = await start();
    const { data, error } = openPair(client, '80', '1');
    client.data(data, 'question', true);
    await client.until(() => client.get(data).fin && client.get(error).fin);
    expect([client.text(data), client.text(error)]).toEqual(['got question', '']);
    client.socket.destroy();
  });

  test("the target's end is passed on, and it still hears the client", async () => {
    const heard = new Promise<string>((resolve) => {
      onTarget = (socket) => {
        socket.end('greeting');
        socket.once('data', (chunk: Buffer) => resolve(chunk.toString()));
      };
    });
    const client = await start();
    const { data } = openPair(client, '80');
    await client.until(() => client.get(data).fin);
    client.data(data, 'late', true);
    expect([client.text(data), await heard]).toEqual(['greeting', 'late']);
    client.socket.destroy();
  });

  test("the error stream ends with the target's answer, though the client has not ended", async () => {
    onTarget = (socket) => socket.end('greeting');
    const client = await start();
    const { data, error } = openPair(client, '80', '1');
    await client.until(() => client.get(data).fin && client.get(error).fin);
    expect([client.text(data), client.text(error)]).toEqual(['greeting', '']);
    client.socket.destroy();
  });

  test('many at once, paired by request and without', async () => {
    onTarget = (socket) => socket.pipe(socket);
    const client = await start();
    const pairs = Array.from({ length: 50 }, (_, i) => openPair(client, '80', i % 2 === 0 ? `r${i}` : undefined));
    pairs.forEach(({ data }, i) => client.data(data, `text ${i}`, true));
    await client.until(() => pairs.every(({ error }) => client.get(error).fin));
    expect(pairs.map(({ data }) => client.text(data))).toEqual(pairs.map((_, i) => `text ${i}`));
    client.socket.destroy();
  });

  test('a port where nobody listens: the error is told, both are reset, others go on', async () => {
    onTarget = (socket) => socket.pipe(socket);
    const client = await start();
    const bad = openPair(client, '81', '1');
    await client.until(() => client.get(bad.data).reset !== undefined);
    expect(client.text(bad.error)).toBe('error forwarding port 81: nobody listens on port 81');
    const good = openPair(client, '80', '2');
    client.data(good.data, 'still here', true);
    await client.until(() => client.get(good.error).fin);
    expect(client.text(good.data)).toBe('still here');
    client.socket.destroy();
  });

  test('a target that resets', async () => {
    onTarget = (socket) => socket.resetAndDestroy();
    const client = await start();
    const { data, error } = openPair(client, '80', '1');
    await client.until(() => client.get(data).reset !== undefined && client.get(error).fin);
    expect(client.text(error)).toMatch(/^error forwarding port 80: .*ECONNRESET/);
    client.socket.destroy();
  });

  test.each(['reset of the stream', 'end of the connection'])('%s closes the target', async (how) => {
    const closed = new Promise<void>((resolve) => {
      onTarget = (socket) => {
        socket.write('hello');
        socket.resume().once('end', () => {
          socket.end();
          resolve();
        });
      };
    });
    const client = await start();
    const { data, error } = openPair(client, '80', '1');
    await client.until(() => client.text(data) === 'hello');
    if (how === 'end of the connection') client.socket.destroy();
    else {
      client.send({ type: 'rstStream', streamId: data, status: 5 });
      await client.until(() => client.get(error).fin);
      expect(client.text(error)).toBe('');
    }
    await closed;
    client.socket.destroy();
  });
});

describe('streams', () => {
  test('that are not whole pairs in time are reset', async () => {
    const client = await start({ ...defaultLimits, creationTimeoutMs: 30 });
    const id = client.open({ streamtype: 'data', port: '80', requestid: '1' });
    await client.until(() => client.get(id).reset !== undefined);
    expect(client.get(id).replied).toBe(true);
    client.socket.destroy();
  });

  test('with headers of something else, or twice the same, are reset', async () => {
    const client = await start();
    const headers = [
      { streamtype: 'data' },
      { streamtype: 'data', port: '0' },
      { streamtype: 'data', port: '65536' },
      { streamtype: 'stdin', port: '80' },
      { streamtype: 'error', port: '80', requestid: '1' },
      { streamtype: 'error', port: '80', requestid: '1' },
    ];
    const ids = headers.map((each) => client.open(each));
    await client.until(() => client.get(ids[5] ?? 0).reset !== undefined);
    expect(ids.map((id) => client.get(id).reset)).toEqual([3, 3, 3, 3, undefined, 5]);
    client.socket.destroy();
  });

  test.each([
    [{ port: '80', streamtype: 'data' }, 80],
    [{ port: '65535', streamtype: 'error' }, 65_535],
    [{ port: '-1', streamtype: 'data' }, undefined],
    [{ port: '8e1', streamtype: 'data' }, undefined],
    [{ port: '', streamtype: 'data' }, undefined],
  ])('port of %j', (headers, port) => {
    expect(portOf(new Map(Object.entries(headers)))).toBe(port);
  });

  test.each([
    [5, { streamtype: 'data', requestid: '7' }, '7'],
    [5, { streamtype: 'error' }, '5'],
    [7, { streamtype: 'data' }, '5'],
  ])('request of stream %d with %j', (id, headers, request) => {
    expect(requestId({ id, headers: new Map(Object.entries(headers)) })).toBe(request);
  });
});

test('50 MB pass both ways', async () => {
  onTarget = (socket) => socket.pipe(socket);
  const client = await start();
  client.keepsData = false;
  const { data } = openPair(client, '80', '1');
  const chunk = Buffer.alloc(64 * 1024, 'x');
  for (let i = 0; i < 800; i += 1) if (!client.data(data, chunk)) await once(client.socket, 'drain');
  client.data(data, '', true);
  await client.until(() => client.get(data).fin);
  expect(client.get(data).bytes).toBe(800 * chunk.length);
  client.socket.destroy();
}, 120_000);

import { duplexPair } from 'node:stream';
import { WebSocket } from 'ws';
import { describe, test } from 'vitest';
import {
  ExecFramingError,
  FrameReader as ExecFrameReader,
  encodeFrame as execFrame,
} from '../../agent/server/local/exec-frames.ts';
import { encodeFrame, FrameReader, SpdyProtocolError } from '../../agent/server/streaming/spdy/frames.ts';
import {
  HeaderReader,
  HeaderWriter,
  parseHeaders,
  renderHeaders,
} from '../../agent/server/streaming/spdy/header-blocks.ts';
import { ChannelConnection } from '../../agent/server/streaming/websocket/connection.ts';
import { TerminalSizes } from '../../agent/server/streaming/terminal-size.ts';
import { fuzz } from './fuzz.ts';

const isProtocolError = (error: unknown): boolean => error instanceof SpdyProtocolError;
const headers = new Map([
  ['streamtype', 'stdin'],
  ['port', '80'],
]);

describe('SPDY', () => {
  test('frames with their header blocks', async () => {
    const writer = new HeaderWriter();
    const connection = [
      encodeFrame({ type: 'synStream', streamId: 1, fin: false, headers: writer.write(headers) }),
      encodeFrame({ type: 'data', streamId: 1, fin: false, data: Buffer.from('hello') }),
      encodeFrame({ type: 'synStream', streamId: 3, fin: true, headers: writer.write(headers) }),
      encodeFrame({ type: 'ping', id: 1 }),
      encodeFrame({ type: 'windowUpdate', streamId: 1, delta: 65_536 }),
      encodeFrame({ type: 'rstStream', streamId: 3, status: 5 }),
      encodeFrame({ type: 'goAway', lastStreamId: 3, status: 0 }),
    ];
    const decode = (input: Buffer): void => {
      const frames = new FrameReader();
      const blocks = new HeaderReader();
      const middle = input.length >> 1;
      for (const part of [input.subarray(0, middle), input.subarray(middle)]) {
        for (const frame of frames.read(part)) if ('headers' in frame) blocks.read(frame.headers);
      }
    };
    await fuzz({ seeds: [Buffer.concat(connection)], decode, refuses: isProtocolError });
  });

  test('headers', async () => {
    await fuzz({ seeds: [renderHeaders(headers)], decode: parseHeaders, refuses: isProtocolError });
  });
});

describe('WebSocket', () => {
  /** A message of a client, masked with zeros. */
  const message = (...bytes: readonly number[]): Buffer =>
    Buffer.concat([Buffer.of(0x82, 0x80 | bytes.length, 0, 0, 0, 0), Buffer.from(bytes)]);

  /** As `ws` makes the server's end after an upgrade. */
  const serverEnd = (socket: object): WebSocket => {
    const webSocket = new WebSocket(null as unknown as string, undefined, { autoPong: true });
    const { setSocket } = webSocket as unknown as { setSocket: (...parts: unknown[]) => void };
    setSocket.call(webSocket, socket, Buffer.alloc(0), { maxPayload: 1024, allowSynchronousEvents: true });
    return webSocket;
  };

  test('channels', async () => {
    const decode = async (input: Buffer): Promise<void> => {
      const [near, far] = duplexPair();
      far.on('error', () => undefined).resume();
      const webSocket = serverEnd(near);
      webSocket.on('error', () => undefined); // As `acceptWebSocket` has it: a close follows.
      const sizes = new TerminalSizes();
      const channels = new ChannelConnection(webSocket, 'binary', 60_000, ({ data }) => sizes.take(data));
      far.end(input);
      await new Promise((resolve) => setImmediate(resolve));
      webSocket.terminate();
      await new Promise<void>((resolve) => {
        if (channels.closed.aborted) return resolve();
        channels.closed.addEventListener('abort', () => resolve());
      });
    };
    const size = Buffer.from('{"Width":80,"Height":24}');
    await fuzz({ seeds: [Buffer.concat([message(0, 104, 105), message(4, ...size), message(255, 0)])], decode });
  });
});

test('frames of the local API', async () => {
  const decode = (input: Buffer): unknown => new ExecFrameReader().read(input);
  const seeds = [
    Buffer.concat([execFrame(0, Buffer.from('in')), execFrame(4, Buffer.from('{}')), execFrame(255, Buffer.of(0))]),
  ];
  await fuzz({ seeds, decode, refuses: (error) => error instanceof ExecFramingError });
});

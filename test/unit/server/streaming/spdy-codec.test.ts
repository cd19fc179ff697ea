import { constants, createDeflate, createInflate, type Deflate, deflateSync, type Inflate } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dictionary, dictionaryId } from '../../../../agent/server/streaming/spdy/dictionary.ts';
import {
  encodeFrame,
  type Frame,
  FrameReader,
  SpdyProtocolError,
} from '../../../../agent/server/streaming/spdy/frames.ts';
import {
  type Headers,
  HeaderReader,
  HeaderWriter,
  parseHeaders,
  renderHeaders,
} from '../../../../agent/server/streaming/spdy/header-blocks.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('frames', () => {
  test.each<[string, Frame, string]>([
    [
      'SYN_STREAM',
      { type: 'synStream', streamId: 1, fin: true, headers: hex('aabb') },
      '80030001 0100000c 00000001 00000000 0000 aabb',
    ],
    [
      'SYN_REPLY',
      { type: 'synReply', streamId: 1, fin: false, headers: hex('aabb') },
      '80030002 00000006 00000001 aabb',
    ],
    ['RST_STREAM', { type: 'rstStream', streamId: 5, status: 3 }, '80030003 00000008 00000005 00000003'],
    ['PING', { type: 'ping', id: 7 }, '80030006 00000004 00000007'],
    ['GOAWAY', { type: 'goAway', lastStreamId: 9, status: 1 }, '80030007 00000008 00000009 00000001'],
    ['HEADERS', { type: 'headers', streamId: 3, fin: true, headers: hex('cc') }, '80030008 01000005 00000003 cc'],
    ['WINDOW_UPDATE', { type: 'windowUpdate', streamId: 3, delta: 65_536 }, '80030009 00000008 00000003 00010000'],
    ['DATA', { type: 'data', streamId: 3, fin: true, data: Buffer.from('hi') }, '00000003 01000002 6869'],
    ['end of data', { type: 'data', streamId: 3, fin: true, data: Buffer.alloc(0) }, '00000003 01000000'],
  ])('%s', (_name, frame, bytes) => {
    expect(encodeFrame(frame).toString('hex')).toBe(bytes.replaceAll(' ', ''));
    expect([...new FrameReader().read(hex(bytes))]).toEqual([frame]);
  });

  test.each([
    ['SETTINGS', '80030004 0000000c 00000001 04000000 00000064'],
    ['CREDENTIAL', '8003000a 00000002 0001'],
    ['an unknown type', '80037fff 00000000'],
  ])('%s is passed over', (_name, bytes) => {
    expect([...new FrameReader().read(hex(`${bytes} 80030006 00000004 00000007`))]).toEqual([{ type: 'ping', id: 7 }]);
  });

  test.each([
    ['80020006 00000004 00000007', 'a frame is of SPDY version 2'],
    ['00000000 00000001 61', 'a DATA frame names stream 0'],
    ['80030001 00010001', 'a control frame of 65537 bytes is longer than 65536'],
    ['80030003 00000004 00000001', 'a RST_STREAM frame of 4 bytes is too short'],
    ['80030001 00000008 00000001 00000000', 'a SYN_STREAM frame of 8 bytes is too short'],
  ])('%s: %s', (bytes, message) => {
    expect(() => [...new FrameReader().read(hex(bytes))]).toThrow(new SpdyProtocolError(message));
  });

  const id = fc.integer({ min: 1, max: 0x7f_ff_ff_ff });
  const uint = fc.integer({ min: 0, max: 0xff_ff_ff_ff });
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
  const fin = fc.boolean();
  const frames: fc.Arbitrary<Frame> = fc.oneof(
    fc.record({ type: fc.constant('synStream' as const), streamId: id, fin, headers: bytes }),
    fc.record({ type: fc.constantFrom('synReply' as const, 'headers' as const), streamId: id, fin, headers: bytes }),
    fc.record({ type: fc.constant('data' as const), streamId: id, fin, data: bytes }),
    fc.record({ type: fc.constant('rstStream' as const), streamId: id, status: uint }),
    fc.record({ type: fc.constant('ping' as const), id: uint }),
    fc.record({ type: fc.constant('goAway' as const), lastStreamId: id, status: uint }),
    fc.record({ type: fc.constant('windowUpdate' as const), streamId: id, delta: id }),
  );

  test('come out as they were put in, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(frames), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sent, cuts) => {
        expect(wholeFrames(readCut(Buffer.concat(sent.map(encodeFrame)), cuts))).toEqual(wholeFrames(sent));
      }),
    );
  });

  test('random bytes give frames or a protocol error, the same however they are cut', () => {
    const noise = fc.array(fc.oneof(bytes, frames.map(encodeFrame))).map((parts) => Buffer.concat(parts));
    fc.assert(
      fc.property(noise, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (input, cuts) => {
        const whole = tolerant(() => readCut(input, [input.length + 1]));
        const cut = tolerant(() => readCut(input, cuts));
        expect(cut instanceof Error ? cut.message : wholeFrames(cut)).toEqual(
          whole instanceof Error ? whole.message : wholeFrames(whole),
        );
      }),
    );
  });
});

/** Reads bytes in pieces of the lengths given, over and over. */
function readCut(input: Buffer, cuts: readonly number[]): Frame[] {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  for (let at = 0, i = 0; at < input.length; i += 1) {
    const length = cuts[i % cuts.length] ?? 1;
    frames.push(...reader.read(input.subarray(at, at + length)));
    at += length;
  }
  return frames;
}

function tolerant<T>(read: () => T): T | SpdyProtocolError {
  try {
    return read();
  } catch (error) {
    if (error instanceof SpdyProtocolError) return error;
    throw error;
  }
}

/** Puts the pieces of DATA frames together: of those that end before `fin` nothing marks the end, so all are joined. */
function wholeFrames(frames: readonly Frame[]): Frame[] {
  const whole: Frame[] = [];
  for (const frame of frames) {
    const last = whole.at(-1);
    if (frame.type === 'data' && last?.type === 'data' && last.streamId === frame.streamId && !last.fin) {
      whole[whole.length - 1] = { ...frame, data: Buffer.concat([last.data, frame.data]) };
    } else whole.push(frame.type === 'data' ? { ...frame, data: Buffer.from(frame.data) } : frame);
  }
  return whole;
}

describe('header blocks', () => {
  const headers = fc
    .array(
      fc.tuple(
        fc.string().map((name) => name.toLowerCase()),
        fc.string(),
      ),
      { maxLength: 20 },
    )
    .map((pairs): Headers => new Map(pairs));

  test('the dictionary is the one of SPDY/3', () => {
    const deflated = deflateSync('x', { dictionary });
    expect(dictionary.length).toBe(1423);
    expect(deflated.readUInt32BE(2)).toBe(dictionaryId);
  });

  test('are read as they were written, over a whole connection', () => {
    fc.assert(
      fc.property(fc.array(headers), (blocks) => {
        const writer = new HeaderWriter();
        const reader = new HeaderReader();
        for (const block of blocks) expect(reader.read(writer.write(block))).toEqual(block);
      }),
    );
  });

  test('of a peer that compresses are read, also when they refer far back', async () => {
    const deflate = createDeflate({ dictionary, level: 9 });
    const reader = new HeaderReader();
    for (let i = 0; i < 200; i += 1) {
      const block = new Map([
        ['streamtype', 'data'],
        ['port', '8080'],
        ['requestid', String(i % 7)],
        ['x', 'y'.repeat(i * 9)],
      ]);
      expect(reader.read(await through(deflate, renderHeaders(block)))).toEqual(block);
    }
    deflate.close();
  });

  test('are readable to a peer that inflates', async () => {
    const inflate = createInflate({ dictionary });
    const writer = new HeaderWriter();
    for (let i = 0; i < 50; i += 1) {
      const block = new Map([['status', String(i)]]);
      expect(parseHeaders(await through(inflate, writer.write(block)))).toEqual(block);
    }
    inflate.close();
  });

  test('random bytes are headers or a protocol error', () => {
    const start = fc.constantFrom('', '78bbe3c6a7c2', '789c').map(hex);
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 200 }), (head, rest) => {
        tolerant(() => new HeaderReader().read(Buffer.concat([head, rest])));
        tolerant(() => parseHeaders(Buffer.from(rest)));
      }),
    );
  });

  test('a block that inflates to more than 64 KiB is refused', () => {
    const bomb = deflateSync(Buffer.alloc(1024 * 1024), { dictionary, finishFlush: constants.Z_SYNC_FLUSH });
    expect(() => new HeaderReader().read(bomb)).toThrow(new SpdyProtocolError('a header block cannot be inflated'));
  });
});

/** Puts one block through a zlib stream that goes on. */
async function through(stream: Deflate | Inflate, input: Buffer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const take = (chunk: Buffer): void => void chunks.push(chunk);
  stream.on('data', take);
  await new Promise<void>((resolve) =>
    stream.write(input, () => stream.flush(constants.Z_SYNC_FLUSH, () => resolve())),
  );
  await new Promise((resolve) => setImmediate(resolve));
  stream.off('data', take);
  return Buffer.concat(chunks);
}

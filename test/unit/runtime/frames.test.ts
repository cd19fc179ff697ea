import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameDecoder, FramingError, type OutputPiece } from '../../../agent/runtime/docker/frames.ts';

interface Frame {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Uint8Array;
}

const types = { stdin: 0, stdout: 1, stderr: 2, error: 3 } as const;

function encode(type: number, data: Uint8Array): Buffer {
  const header = Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
}

const encodeAll = (frames: readonly Frame[]): Buffer =>
  Buffer.concat(frames.map(({ stream, data }) => encode(types[stream], data)));

/** Cuts bytes at the given points, in any order. */
function cut(bytes: Buffer, points: readonly number[]): Buffer[] {
  const ends = [...points.map((point) => point % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

async function decode(chunks: readonly Buffer[]): Promise<OutputPiece[]> {
  const pieces: OutputPiece[] = [];
  await pipeline(Readable.from(chunks, { objectMode: false }), new FrameDecoder(), async (decoded) => {
    for await (const piece of decoded as AsyncIterable<OutputPiece>) pieces.push(piece);
  });
  return pieces;
}

const textOf = (pieces: readonly OutputPiece[], stream: OutputPiece['stream']): string =>
  Buffer.concat(pieces.filter((piece) => piece.stream === stream).map(({ data }) => data)).toString('hex');

/** What comes in turns, runs of one stream taken together. */
const turns = (list: readonly Frame[]): readonly string[] =>
  list
    .filter(({ data }) => data.length > 0)
    .map(({ stream }) => stream)
    .filter((stream, index, all) => stream !== all[index - 1]);

const frames = fc.array(
  fc.record({ stream: fc.constantFrom('stdout' as const, 'stderr' as const), data: fc.uint8Array({ maxLength: 40 }) }),
  { maxLength: 12 },
);
const cuts = fc.array(fc.nat(1_000), { maxLength: 20 });

describe('frames of Docker', () => {
  test('come out as they went in, however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(frames, cuts, async (list, points) => {
        const pieces = await decode(cut(encodeAll(list), points));
        for (const stream of ['stdout', 'stderr'] as const) {
          const sent = Buffer.concat(list.filter((frame) => frame.stream === stream).map(({ data }) => data));
          expect(textOf(pieces, stream)).toBe(sent.toString('hex'));
        }
        expect(turns(pieces)).toEqual(turns(list));
      }),
    );
  });

  test('cut short: a FramingError, unless between two frames', async () => {
    await fc.assert(
      fc.asyncProperty(frames, fc.nat(1_000), async (list, length) => {
        const bytes = encodeAll(list).subarray(0, length);
        let whole = 0;
        for (const { data } of list) {
          if (whole + 8 + data.length > bytes.length) break;
          whole += 8 + data.length;
        }
        if (whole === bytes.length) await decode([bytes]);
        else await expect(decode([bytes])).rejects.toBeInstanceOf(FramingError);
      }),
    );
  });

  test('random bytes: never an error but its own, never a hang', async () => {
    // Without 3, which begins a message of Docker's that is an error by itself.
    const bytes = fc
      .uint8Array({ maxLength: 200 })
      .map((list) => Buffer.from(list.map((byte) => (byte === 3 ? 1 : byte))));
    await fc.assert(
      fc.asyncProperty(bytes, cuts, async (sent, points) => {
        await decode(cut(sent, points)).catch((error: unknown) => expect(error).toBeInstanceOf(FramingError));
      }),
    );
  });

  test('100,000 frames in one chunk', async () => {
    const one = encode(types.stdout, Buffer.from('x'));
    const pieces = await decode([Buffer.concat(Array.from({ length: 100_000 }, () => one))]);
    expect(pieces.length).toBe(100_000);
  });

  test('a frame is passed on before its end has come', () => {
    const decoder = new FrameDecoder();
    const header = Buffer.from([types.stdout, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    decoder.write(Buffer.concat([header, Buffer.from('first')]));
    expect(decoder.read()).toEqual({ stream: 'stdout', data: Buffer.from('first') });
    decoder.destroy();
  });

  test.each([
    ['an error of Docker’s, in two chunks', [3, 'cannot open the log: é\n'], 'cannot open the log: é'],
    ['a type that does not exist', [4, 'x'], "Docker's stream has no frame where one begins: 0400000000000001"],
  ] as const)('%s', async (_, [type, text], message) => {
    const bytes = encode(type, Buffer.from(text));
    const sent = [encode(types.stdout, Buffer.from('before')), bytes.subarray(0, bytes.length - 2), bytes.subarray(-2)];
    await expect(decode(sent)).rejects.toThrow(message);
  });

  test('input that Docker echoes is left out', async () => {
    expect(await decode([encode(types.stdin, Buffer.from('typed'))])).toEqual([]);
  });
});

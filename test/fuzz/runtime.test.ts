import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from 'vitest';
import { envFileValue } from '../../agent/environment/env-file.ts';
import { decodeEvent } from '../../agent/runtime/docker/events.ts';
import { FrameDecoder, type OutputPiece } from '../../agent/runtime/docker/frames.ts';
import { jsonLines } from '../../agent/runtime/docker/json-lines.ts';
import { layerProgress } from '../../agent/runtime/docker/pull-progress.ts';
import { fuzz } from './fuzz.ts';

const frame = (type: number, text: string): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt8(type, 0);
  head.writeUInt32BE(text.length, 4);
  return Buffer.concat([head, Buffer.from(text)]);
};

const halves = (input: Buffer): Readable => {
  const middle = input.length >> 1;
  return Readable.from([input.subarray(0, middle), input.subarray(middle)].filter(({ length }) => length > 0));
};

describe("Docker's streams", () => {
  test('output of containers', async () => {
    const decode = async (input: Buffer): Promise<void> => {
      let bytes = 0;
      const count = new Writable({
        objectMode: true,
        write: ({ data }: OutputPiece, _encoding, done) => {
          bytes += data.length;
          done();
        },
      });
      try {
        await pipeline(halves(input), new FrameDecoder(), count);
      } finally {
        expect(bytes).toBeLessThanOrEqual(input.length);
      }
    };
    await fuzz({
      seeds: [Buffer.concat([frame(1, 'out\n'), frame(2, 'err\n'), frame(1, '')]), frame(0, 'in')],
      decode,
      // An error frame of Docker's is its own words.
      refuses: (error) => error instanceof Error && !(error instanceof TypeError || error instanceof RangeError),
    });
  });

  test('events and progress of pulls', async () => {
    const attributes = { 'io.kubernetes.pod.uid': 'u', 'dev.podwright.pod-uid': 'u' };
    const decode = async (input: Buffer): Promise<void> => {
      for await (const line of jsonLines(halves(input))) {
        decodeEvent(line);
        layerProgress(line);
      }
    };
    await fuzz({
      seeds: [
        `${JSON.stringify({ Type: 'container', Action: 'die', Actor: { ID: 'c1', Attributes: attributes } })}\n`,
        `${JSON.stringify({ status: 'Downloading', id: 'abc', progressDetail: { current: 1, total: 2 } })}\n{"status":"x"}\n`,
      ],
      decode,
      refuses: (error) => error instanceof SyntaxError,
    });
  });
});

test('files that a container left for the environment of another', async () => {
  const file = "# a comment\nHOST='192.0.2.7' # and another\n\n  MOTD='two\nlines'\nEMPTY= 'x'\nKEY='value'\n";
  const decode = (input: Buffer): void => {
    const text = input.toString('latin1');
    const value = envFileValue(text, 'KEY');
    if (value !== undefined) expect(text.replaceAll('\r\n', '\n')).toContain(`KEY='${value}'`);
  };
  const isMalformed = (error: unknown): boolean =>
    error instanceof Error && error.message.startsWith('invalid environment variable format at line ');
  await fuzz({ seeds: [file], decode, refuses: isMalformed });
});

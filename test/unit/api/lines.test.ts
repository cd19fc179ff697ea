import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitLines } from '../../../agent/api/lines.ts';

async function split(chunks: readonly Uint8Array[], maxBytes?: number): Promise<string[]> {
  const source = (async function* () {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  })();
  const lines: string[] = [];
  for await (const line of splitLines(source, maxBytes)) lines.push(line);
  return lines;
}

describe('splitLines', () => {
  it('gives the same lines, however the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme' }).map((text) => `<${text.replaceAll(/\n|\r/g, '')}>`)),
        fc.array(fc.nat(50)),
        async (lines, sizes) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const chunks: Uint8Array[] = [];
          let at = 0;
          for (const size of sizes) chunks.push(bytes.subarray(at, (at += size)));
          expect(await split([...chunks, bytes.subarray(at)])).toEqual(lines);
        },
      ),
    );
  });

  it('leaves out empty lines and the end without a newline', async () => {
    expect(await split([Buffer.from('a\n\n\r\nb\nrest')])).toEqual(['a', 'b']);
  });

  it('refuses a line that does not end', async () => {
    await expect(split([Buffer.alloc(6, 'x'), Buffer.alloc(6, 'x')], 10)).rejects.toThrow(
      'a line has more than 10 bytes',
    );
  });
});

const newline = 0x0a;

/** More than any object that the API server stores (etcd takes 1.5 MiB), also as JSON. */
const maxLineBytes = 64 * 1024 * 1024;

/**
 * Cuts a stream of bytes, which comes in any pieces, into its lines; empty ones are left out, and what follows the last
 * newline is no line. Bytes are decoded a line at a time, so that no character is torn.
 *
 * @throws Error on a line that is longer than `maxBytes`
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes = maxLineBytes,
): AsyncGenerator<string, void, undefined> {
  let parts: Uint8Array[] = [];
  let held = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      parts.push(chunk.subarray(start, end));
      const line = decode(parts);
      parts = [];
      held = 0;
      start = end + 1;
      if (line !== '') yield line;
    }
    if (start === chunk.length) continue;
    parts.push(chunk.subarray(start));
    held += chunk.length - start;
    if (held > maxBytes) throw new Error(`a line has more than ${maxBytes} bytes`);
  }
}

function decode(parts: readonly Uint8Array[]): string {
  return Buffer.concat(parts).toString('utf8').trim();
}

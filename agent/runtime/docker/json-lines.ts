/** Longest line accepted: an event or a progress message is some kilobytes at most. */
const maxLineLength = 1024 * 1024;

/**
 * The JSON values of a stream that carries one a line, as Docker's events and progress streams do. Ends with the stream;
 * throws on a line that is no JSON or too long.
 */
export async function* jsonLines(stream: NodeJS.ReadableStream): AsyncGenerator {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() !== '') yield JSON.parse(line) as unknown;
    }
    if (rest.length > maxLineLength) throw new Error(`a line of over ${maxLineLength} characters`);
  }
  if (rest.trim() !== '') yield JSON.parse(rest) as unknown;
}

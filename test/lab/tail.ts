import { closeSync, openSync, readSync } from 'node:fs';

/** One line of the daemon's log: pino's JSON. */
export interface LogLine {
  /** `info`, `warn`, … */
  readonly level: string;
  /** ISO 8601. */
  readonly time: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Reads a log file that grows. Lines that are no JSON (a stack trace of Node's) become lines of level `fatal`. */
export function tail(path: string): () => readonly LogLine[] {
  const lines: LogLine[] = [];
  let offset = 0;
  return () => {
    const added = readFrom(path, offset);
    const complete = added.subarray(0, added.lastIndexOf('\n') + 1); // a line may be half written
    offset += complete.length;
    const texts = complete.toString('utf8').split('\n');
    lines.push(...texts.filter((text) => text !== '').map(parseLine));
    return lines;
  };
}

function readFrom(path: string, offset: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const chunks: Buffer[] = [];
    for (let position = offset; ;) {
      const buffer = Buffer.alloc(64 * 1024);
      const count = readSync(file, buffer, 0, buffer.length, position);
      if (count === 0) return Buffer.concat(chunks);
      chunks.push(buffer.subarray(0, count));
      position += count;
    }
  } finally {
    closeSync(file);
  }
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: 'fatal', time: '', msg: line };
  }
}

import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FrameDecoder, type OutputPiece } from './frames.ts';

/** Where output goes. What has no sink is read and dropped. */
export interface OutputSinks {
  readonly stdout?: NodeJS.WritableStream | undefined;
  readonly stderr?: NodeJS.WritableStream | undefined;
}

/**
 * Copies what a process prints until its stream ends, no faster than the sinks take it. The sinks stay open: they are the
 * caller's.
 *
 * @param tty the stream has no frames, and all of it is `stdout`
 */
export async function copyOutput(
  source: Readable,
  tty: boolean,
  sinks: OutputSinks,
  signal: AbortSignal,
): Promise<void> {
  if (tty) await pipeline(source, (chunks) => copyRaw(chunks as AsyncIterable<Buffer>, sinks, signal), { signal });
  else await pipeline(source, new FrameDecoder(), (pieces) => copyPieces(pieces, sinks, signal), { signal });
}

async function copyRaw(chunks: AsyncIterable<Buffer>, { stdout }: OutputSinks, signal: AbortSignal): Promise<void> {
  for await (const chunk of chunks) {
    if (stdout !== undefined) await write(stdout, chunk, signal);
  }
}

async function copyPieces(pieces: AsyncIterable<unknown>, sinks: OutputSinks, signal: AbortSignal): Promise<void> {
  for await (const piece of pieces as AsyncIterable<OutputPiece>) {
    const sink = sinks[piece.stream];
    if (sink !== undefined) await write(sink, piece.data, signal);
  }
}

/** Resolves when the sink has taken the data; a sink that was closed rejects it. */
function write(sink: NodeJS.WritableStream, data: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    sink.write(data, (error) => {
      signal.removeEventListener('abort', abort);
      if (error) reject(error);
      else resolve();
    });
  });
}

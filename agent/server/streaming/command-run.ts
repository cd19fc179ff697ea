import { finished, type Writable } from 'node:stream';
import { asError } from '../../../cni/index.ts';
import type { CommandEnd, CommandStreams, RunCommand } from './types.ts';

/** Runs a command to an end that can be told, and until all that it printed is on its way. */
export async function runToEnd(run: RunCommand, streams: CommandStreams, signal: AbortSignal): Promise<CommandEnd> {
  const end = await run(streams, signal).catch(asError);
  streams.stdin?.destroy(); // What is not read of it must not hold up the connection.
  await Promise.all([streams.stdout, streams.stderr].map((stream) => endOf(stream)));
  return end;
}

/** Ends a stream, with `last` if there is any. Resolves when all of it was sent, or cannot be. */
export async function endOf(stream: Writable | undefined, last = ''): Promise<void> {
  if (stream === undefined) return;
  await new Promise<void>((resolve) => {
    finished(stream, { readable: false }, () => resolve());
    if (last !== '') stream.write(last);
    stream.end();
  });
}

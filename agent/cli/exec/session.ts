import type { Duplex } from 'node:stream';
import type { ReadStream, WriteStream } from 'node:tty';
import { ChannelSink, channels, encodeFrame, type Frame, FrameReader } from '../../server/local/exec-frames.ts';
import { type ExecStatus, readStatus } from '../../server/local/exec-status.ts';
import { DaemonError } from '../local-client.ts';

export interface SessionStreams {
  readonly stdin: (NodeJS.ReadableStream & Partial<Pick<ReadStream, 'setRawMode' | 'unref'>>) | undefined;
  readonly stdout: NodeJS.WritableStream & Partial<Pick<WriteStream, 'columns' | 'rows'>>;
  readonly stderr: NodeJS.WritableStream;
  /** Input and output are a terminal, which is set to pass every key on while the command runs. */
  readonly tty: boolean;
}

/**
 * Connects our streams with a command in a container until it ends.
 *
 * @returns the exit code of the command
 * @throws DaemonError when the command could not be run, or the daemon went away meanwhile
 */
export async function runSession(socket: Duplex, streams: SessionStreams): Promise<number> {
  const broken = new Promise<never>((_, reject) => {
    const gone = (cause?: unknown): void =>
      reject(new DaemonError('podwright went away while the command ran', { cause }));
    socket.on('error', gone);
    socket.once('close', () => gone());
  });
  broken.catch(() => undefined);
  const release = [passInput(socket, streams), passSize(socket, streams)];
  try {
    return await Promise.race([readOutput(socket, streams), broken]);
  } finally {
    for (const free of release) free();
    socket.destroy();
  }
}

/** Sends input and, once, its end. Returns what gives the input back. */
function passInput(socket: Duplex, { stdin, tty }: SessionStreams): () => void {
  if (stdin === undefined) return () => undefined;
  const sink = new ChannelSink(socket, channels.stdin).on('error', () => undefined);
  const end = (): void => void socket.write(encodeFrame(channels.close, Buffer.of(channels.stdin)));
  if (tty) stdin.setRawMode?.(true);
  sink.once('finish', end);
  stdin.once('error', () => sink.end());
  stdin.pipe(sink);
  return () => {
    sink.off('finish', end);
    stdin.unpipe(sink);
    stdin.pause();
    if (tty) stdin.setRawMode?.(false);
    stdin.unref?.(); // A read that is under way must not keep the process.
  };
}

/** Sends the size of the terminal, now and whenever it changes (SIGWINCH). */
function passSize(socket: Duplex, { stdout, tty }: SessionStreams): () => void {
  if (!tty) return () => undefined;
  const send = (): void => {
    const { columns: Width, rows: Height } = stdout;
    if (Width !== undefined) socket.write(encodeFrame(channels.resize, Buffer.from(JSON.stringify({ Width, Height }))));
  };
  send();
  stdout.on('resize', send);
  return () => void stdout.off('resize', send);
}

/** Writes output no faster than it is taken. */
async function readOutput(socket: Duplex, streams: SessionStreams): Promise<number> {
  const reader = new FrameReader();
  for await (const chunk of socket) {
    for (const frame of reader.read(chunk as Buffer)) {
      if (frame.channel === channels.error) return readEnd(frame);
      await writeFrame(frame, streams);
    }
  }
  throw new DaemonError('podwright went away while the command ran');
}

function readEnd({ data }: Frame): number {
  const end = readStatus(JSON.parse(data.toString('utf8')) as ExecStatus);
  if (end instanceof Error) throw new DaemonError(end.message);
  return end;
}

async function writeFrame({ channel, data }: Frame, { stdout, stderr }: SessionStreams): Promise<void> {
  const sink = channel === channels.stdout ? stdout : channel === channels.stderr ? stderr : undefined;
  if (sink === undefined || data.length === 0) return;
  if (!sink.write(data)) await new Promise((resolve) => sink.once('drain', resolve));
}

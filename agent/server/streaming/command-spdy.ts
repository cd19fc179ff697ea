import { PassThrough } from 'node:stream';
import { untilAborted } from '../../until-aborted.ts';
import { endOf, runToEnd } from './command-run.ts';
import { renderEnd } from './command-status.ts';
import { SpdyConnection } from './spdy/connection.ts';
import type { SpdyStream } from './spdy/stream.ts';
import { TerminalSizes } from './terminal-size.ts';
import type { CommandOptions, CommandStreams, RunCommand, StreamingLimits, UpgradeRequest } from './types.ts';
import { acceptSpdy, negotiate, refuse } from './upgrade.ts';

/** Newest first. Version 5 differs in WebSocket only. */
const served = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
] as const;

const streamTypes = ['error', 'stdin', 'stdout', 'stderr', 'resize'] as const;
type StreamType = (typeof streamTypes)[number];

const isStreamType = (name: string | undefined): name is StreamType => streamTypes.some((type) => type === name);

/** The streams a client opens (kubelet `pkg/cri/streaming/remotecommand/httpstream.go`, `createHTTPStreamStreams`). */
export function expectedStreams(protocol: string, options: CommandOptions): readonly StreamType[] {
  const resizes = options.tty && protocol !== 'v2.channel.k8s.io' && protocol !== 'channel.k8s.io';
  const wanted = { error: true, stdin: options.stdin, stdout: options.stdout, stderr: options.stderr, resize: resizes };
  return streamTypes.filter((type) => wanted[type]);
}

export async function serveCommandOverSpdy(
  { request, socket, head }: UpgradeRequest,
  options: CommandOptions,
  run: RunCommand,
  limits: StreamingLimits,
): Promise<void> {
  const negotiation = negotiate(request.headers['x-stream-protocol-version'], served);
  if ('refusal' in negotiation) return refuse(socket, negotiation.refusal);
  const { protocol } = negotiation;
  acceptSpdy(socket, protocol);
  const opening = new OpeningStreams(expectedStreams(protocol, options));
  const connection = new SpdyConnection(socket, head, {
    accepts: (headers) => opening.isAwaited(headers.get('streamtype')),
    onStream: (stream) => opening.add(stream),
    maxStreams: streamTypes.length,
    idleTimeoutMs: limits.idleTimeoutMs,
  });
  if (await opening.areOpen(limits.creationTimeoutMs, connection.closed)) {
    const form = /^v[45]\./.test(protocol) ? 'status' : 'text';
    await runOn(opening.streams, options.tty, run, connection.closed, form);
    connection.close();
  } else {
    connection.destroy(new Error(`the client did not open its streams within ${limits.creationTimeoutMs} ms`));
  }
  await untilAborted(connection.closed);
}

async function runOn(
  streams: ReadonlyMap<StreamType, SpdyStream>,
  tty: boolean,
  run: RunCommand,
  closed: AbortSignal,
  form: 'status' | 'text',
): Promise<void> {
  streams.get('error')?.ignoreInput();
  const command = commandStreams(streams, tty);
  const end = await runToEnd(run, command, closed);
  await Promise.all([endOf(streams.get('stdin')), endOf(streams.get('resize'))]);
  await endOf(streams.get('error'), renderEnd(end, form));
}

function commandStreams(streams: ReadonlyMap<StreamType, SpdyStream>, tty: boolean): CommandStreams {
  const stdin = streams.get('stdin');
  const stdout = streams.get('stdout');
  const stderr = streams.get('stderr');
  const sizes = new TerminalSizes();
  const resize = streams.get('resize');
  if (resize !== undefined) sizes.readFrom(resize);
  stdout?.ignoreInput();
  stderr?.ignoreInput();
  return {
    tty,
    ...(stdin === undefined ? {} : { stdin: inputOf(stdin) }),
    ...(stdout === undefined ? {} : { stdout }),
    ...(stderr === undefined ? {} : { stderr }),
    ...(resize === undefined ? {} : { onResize: sizes.onResize }),
  };
}

/** A command that reads no further does not reset the client's stream, which kubectl would report: the rest is dropped. */
function inputOf(stream: SpdyStream): PassThrough {
  const input = new PassThrough();
  input.on('error', () => undefined).once('close', () => stream.ignoreInput());
  stream.once('close', () => {
    if (!stream.readableEnded) input.destroy(new Error('the client has gone'));
  });
  stream.pipe(input);
  return input;
}

/** The streams of a session while the client opens them. */
class OpeningStreams {
  readonly streams = new Map<StreamType, SpdyStream>();
  readonly #awaited: readonly StreamType[];
  #onChange: () => void = () => undefined;

  constructor(awaited: readonly StreamType[]) {
    this.#awaited = awaited;
  }

  isAwaited(type: string | undefined): boolean {
    return this.#awaited.some((awaited) => awaited === type && !this.streams.has(awaited));
  }

  add(stream: SpdyStream): void {
    const type = stream.headers.get('streamtype');
    if (isStreamType(type)) this.streams.set(type, stream);
    this.#onChange();
  }

  /** False when they are not within `ms`, or the connection has closed. */
  async areOpen(ms: number, closed: AbortSignal): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), ms);
        this.#onChange = () => {
          if (closed.aborted) resolve(false);
          else if (this.streams.size === this.#awaited.length) resolve(true);
        };
        closed.addEventListener('abort', this.#onChange, { once: true });
        this.#onChange();
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

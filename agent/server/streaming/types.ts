import type { IncomingMessage } from 'node:http';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { ExecStreams } from '../../runtime/types.ts';

/** A request for another protocol, and the connection that is to speak it. */
export interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What was read of the connection after the request. */
  readonly head: Buffer;
}

/** Which streams a client of exec or attach asked for. With a terminal there is no stderr. */
export interface CommandOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** The streams of a session as the runtime takes them. None of them has unhandled errors. */
export interface CommandStreams extends ExecStreams {
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
}

/** How a command ended: its exit code, or the error that kept it from having one. An attach that ends well ends with 0. */
export type CommandEnd = number | Error;

/**
 * Runs the command, or attaches to it. A rejection counts as an error.
 *
 * @param signal aborted when the client has gone: the promise must settle then
 */
export type RunCommand = (streams: CommandStreams, signal: AbortSignal) => Promise<CommandEnd>;

export interface StreamingLimits {
  /** A connection without data in either direction is closed after it; `streamingConnectionIdleTimeout`. */
  readonly idleTimeoutMs: number;
  /** How long a client may take to open the streams that belong together. */
  readonly creationTimeoutMs: number;
}

/** What the kubelet uses (`streaming.DefaultConfig`, KubeletConfiguration). */
export const defaultLimits: StreamingLimits = { idleTimeoutMs: 4 * 60 * 60 * 1000, creationTimeoutMs: 30_000 };

import type { RawData, WebSocket } from 'ws';
import { type ChannelCodec, type ChannelMessage, decodeMessage, encodeMessage } from './channels.ts';

/** Milliseconds between our pings: a peer that is gone is noticed, and no middlebox takes a quiet session for a dead one. */
const pingIntervalMs = 30_000;
/** Milliseconds that a client may take to answer that the session is closed. */
const lingerMs = 10_000;

/**
 * Messages of channels over one WebSocket.
 *
 * Invariant: when `closed` is aborted no timer runs and the socket is destroyed.
 */
export class ChannelConnection {
  readonly #webSocket: WebSocket;
  readonly #codec: ChannelCodec;
  readonly #closed = new AbortController();
  readonly #idle: NodeJS.Timeout;
  readonly #pings: NodeJS.Timeout;
  #linger: NodeJS.Timeout | undefined;

  constructor(
    webSocket: WebSocket,
    codec: ChannelCodec,
    idleTimeoutMs: number,
    onMessage: (message: ChannelMessage) => void,
  ) {
    this.#webSocket = webSocket;
    this.#codec = codec;
    this.#idle = setTimeout(() => webSocket.terminate(), idleTimeoutMs);
    this.#pings = setInterval(() => webSocket.ping(), pingIntervalMs);
    webSocket.on('message', (raw: RawData) => {
      this.#idle.refresh();
      const message = decodeMessage(codec, toBuffer(raw));
      if (message !== undefined) onMessage(message);
    });
    webSocket.once('close', () => this.#release());
    if (webSocket.readyState === webSocket.CLOSED) this.#release();
  }

  /** Aborted when the connection is gone. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Calls `done` when the message is on its way. */
  send(channel: number, data: Uint8Array, done: (error?: Error | null) => void = () => undefined): void {
    this.#idle.refresh();
    this.#webSocket.send(encodeMessage(this.#codec, channel, data), (error) => done(error));
  }

  /** Reads no further messages; some that were read already may still come. */
  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }

  /** Sends what was sent, says that it is over, and gives the client some time to say so too. */
  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#webSocket.resume();
    this.#webSocket.close(1000);
    this.#linger = setTimeout(() => this.#webSocket.terminate(), lingerMs);
  }

  #release(): void {
    if (this.#closed.signal.aborted) return;
    clearTimeout(this.#idle);
    clearInterval(this.#pings);
    clearTimeout(this.#linger);
    this.#closed.abort(new Error('the client has gone'));
  }
}

function toBuffer(raw: RawData): Buffer {
  if (Array.isArray(raw)) return Buffer.concat(raw);
  return Buffer.isBuffer(raw) ? raw : Buffer.from(raw);
}

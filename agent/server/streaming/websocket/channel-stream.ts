import { Duplex } from 'node:stream';
import type { ChannelConnection } from './connection.ts';

/** Bytes of one message; clients read messages as a whole. */
const maxMessage = 32 * 1024;

/** One channel as a stream. Its end is not sent: the subprotocols know none from the server. */
export class ChannelStream extends Duplex {
  readonly #connection: ChannelConnection;
  readonly #channel: number;
  #hasEnded = false;
  #isFull = false;

  constructor(connection: ChannelConnection, channel: number) {
    super({ readableHighWaterMark: 256 * 1024, allowHalfOpen: true });
    this.#connection = connection;
    this.#channel = channel;
    this.on('error', () => undefined);
    const fail = (): void => void this.destroy(new Error('the client has gone'));
    connection.closed.addEventListener('abort', fail, { once: true });
  }

  /** What the client sent. What is not read holds up the connection. */
  deliver(data: Buffer): void {
    if (this.#hasEnded || this.destroyed || data.length === 0 || this.push(data)) return;
    this.#isFull = true;
    this.#connection.pause();
  }

  /** The client sends no more. */
  endInput(): void {
    if (this.#hasEnded || this.destroyed) return;
    this.#hasEnded = true;
    this.push(null);
  }

  override _read(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.#connection.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const rest = chunk.subarray(maxMessage);
    this.#connection.send(this.#channel, chunk.subarray(0, maxMessage), (error) => {
      if (rest.length === 0 || (error !== undefined && error !== null)) done(error);
      else this._write(rest, 'utf8', done);
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#isFull) this.#connection.resume();
    done(error);
  }
}

import { Duplex } from 'node:stream';
import type { Headers } from './header-blocks.ts';

/** What a stream needs of its connection. */
export interface StreamOwner {
  /** Calls `done` when the connection has taken the data. */
  sendData(streamId: number, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void;
  /** The stream is of no further use; `isReset` says that the peer shall hear of it. */
  forget(streamId: number, isReset: boolean): void;
  /** Data that was held back for the stream can be taken. */
  resume(): void;
}

/** Bytes of a stream that are kept for a reader who is slow, before the whole connection waits for them to be read. */
const highWaterMark = 256 * 1024;

/**
 * One stream of a connection. Its end in either direction is a half-close; `destroy` resets it. An error is told to those
 * who listen and is never an unhandled event.
 */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Headers;
  readonly #owner: StreamOwner;
  #isFull = false;
  #hasEnded = false;
  #hasFinished = false;
  #isResetByPeer = false;

  constructor(owner: StreamOwner, id: number, headers: Headers) {
    super({ readableHighWaterMark: highWaterMark, allowHalfOpen: true });
    this.#owner = owner;
    this.id = id;
    this.headers = headers;
    this.on('error', () => undefined);
  }

  /** More has come than is read; nothing further is read from the connection. */
  get isFull(): boolean {
    return this.#isFull && !this.destroyed;
  }

  /** What the peer sent. */
  deliver(data: Buffer, fin: boolean): void {
    if (this.#hasEnded || this.destroyed) return;
    if (data.length > 0 && !this.push(data)) this.#isFull = true;
    if (!fin) return;
    this.#hasEnded = true;
    this.push(null);
  }

  /** The peer reset the stream, or the connection is gone: nobody is told. */
  fail(error: Error): void {
    this.#isResetByPeer = true;
    this.destroy(error);
  }

  /** Drops what comes, so that it holds up no other stream. */
  ignoreInput(): void {
    this.on('data', () => undefined);
    this.resume();
  }

  override _read(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.#owner.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#owner.sendData(this.id, chunk, false, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#hasFinished = true;
    this.#owner.sendData(this.id, Buffer.alloc(0), true, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const isWhole = this.#hasEnded && this.#hasFinished;
    this.#owner.forget(this.id, !isWhole && !this.#isResetByPeer);
    done(error);
  }
}

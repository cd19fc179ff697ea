import { setMaxListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import { encodeFrame, type Frame, FrameReader, goAwayStatus, maxDataLength, resetStatus } from './frames.ts';
import { type Headers, HeaderReader, HeaderWriter } from './header-blocks.ts';
import { SpdyStream, type StreamOwner } from './stream.ts';

export interface SpdyOptions {
  /** Whether a stream with these headers may be opened; a stream that may not is reset. */
  readonly accepts: (headers: Headers) => boolean;
  /** Is given each stream that the client opens, after it was answered. */
  readonly onStream: (stream: SpdyStream) => void;
  /** Streams open at the same time; what goes beyond is reset. */
  readonly maxStreams: number;
  /** The connection is closed after this long without data in either direction. Pings are no data. */
  readonly idleTimeoutMs: number;
}

/** Milliseconds between our pings: a peer that is gone is noticed, and no middlebox takes a quiet session for a dead one. */
const pingIntervalMs = 30_000;
/** Milliseconds that a client may take to close what it has been told is over. */
const lingerMs = 10_000;
/** Bytes that wait to be sent, beyond which a peer that sends but does not read is no longer answered. */
const maxBacklog = 1024 * 1024;

/**
 * The server's end of a SPDY/3.1 connection over any transport. What is not read from a stream holds up the connection
 * (there is no flow control a stream, as with Go's spdystream), and a stream's writes wait for the transport.
 *
 * Invariant: when `closed` is aborted no timer runs, every stream is destroyed, and the transport is.
 */
export class SpdyConnection {
  readonly #transport: Duplex;
  readonly #options: SpdyOptions;
  readonly #frames = new FrameReader();
  readonly #headerReader = new HeaderReader();
  readonly #headerWriter = new HeaderWriter();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #closed = new AbortController();
  readonly #idle: NodeJS.Timeout;
  readonly #pings: NodeJS.Timeout;
  readonly #owner: StreamOwner;
  #linger: NodeJS.Timeout | undefined;
  #lastStreamId = 0;
  #pingId = 0;
  #isClosing = false;

  /** @param head bytes that were read from the transport already */
  constructor(transport: Duplex, head: Buffer, options: SpdyOptions) {
    this.#transport = transport;
    this.#options = options;
    setMaxListeners(0, this.#closed.signal); // One for each stream whose other end is being dialled.
    this.#owner = {
      sendData: this.#sendData.bind(this),
      forget: this.#forget.bind(this),
      resume: this.#resume.bind(this),
    };
    this.#idle = setTimeout(
      () => this.destroy(new Error(`no data for ${options.idleTimeoutMs} ms`)),
      options.idleTimeoutMs,
    );
    this.#pings = setInterval(() => this.#ping(), pingIntervalMs);
    transport.on('error', (error: Error) => this.destroy(error));
    for (const event of ['end', 'close']) transport.on(event, () => this.destroy(new Error('the client has gone')));
    transport.on('data', (chunk: Buffer) => this.#take(chunk));
    if (head.length > 0) transport.unshift(head);
    if (transport.destroyed) this.destroy(new Error('the client has gone'));
  }

  /** Aborted when the connection is gone, with the cause as reason. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Opens no more streams, sends what was written, and gives the client some time to close. */
  close(): void {
    if (this.#isClosing || this.#closed.signal.aborted) return;
    this.#isClosing = true;
    for (const stream of this.#streams.values()) stream.ignoreInput();
    this.#send({ type: 'goAway', lastStreamId: this.#lastStreamId, status: goAwayStatus.ok });
    this.#transport.end(() => {
      if (this.#closed.signal.aborted) return;
      this.#linger = setTimeout(() => this.destroy(new Error('the client did not close')), lingerMs);
    });
  }

  /** Closes at once. May be repeated. */
  destroy(cause: Error): void {
    if (this.#closed.signal.aborted) return;
    clearTimeout(this.#idle);
    clearInterval(this.#pings);
    clearTimeout(this.#linger);
    this.#closed.abort(cause);
    for (const stream of this.#streams.values()) stream.fail(cause);
    this.#streams.clear();
    this.#transport.destroy();
  }

  #take(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.read(chunk)) {
        if (this.#closed.signal.aborted) return;
        this.#handle(frame);
      }
    } catch (error) {
      this.#send({ type: 'goAway', lastStreamId: this.#lastStreamId, status: goAwayStatus.protocolError });
      this.destroy(error as Error);
    }
    if (this.#isHeldUp()) this.#transport.pause();
  }

  #handle(frame: Frame): void {
    switch (frame.type) {
      case 'synStream':
        return this.#open(frame.streamId, this.#headerReader.read(frame.headers), frame.fin);
      case 'synReply':
      case 'headers':
        // Nothing to learn from, but what is compressed next may refer to it.
        this.#headerReader.read(frame.headers);
        return this.#deliver(frame.streamId, Buffer.alloc(0), frame.fin);
      case 'data':
        return this.#deliver(frame.streamId, frame.data, frame.fin);
      case 'rstStream':
        return this.#streams.get(frame.streamId)?.fail(new Error('the client has reset the stream'));
      case 'ping':
        // Those of a client are odd; an even one answers ours.
        return frame.id % 2 === 1 ? this.#answer(frame) : undefined;
      case 'goAway':
      case 'windowUpdate':
        return;
    }
  }

  #open(id: number, headers: Headers, fin: boolean): void {
    if (id % 2 === 0 || id <= this.#lastStreamId) {
      return this.#answer({ type: 'rstStream', streamId: id, status: resetStatus.protocolError });
    }
    this.#lastStreamId = id;
    this.#idle.refresh();
    if (this.#isClosing || this.#streams.size >= this.#options.maxStreams || !this.#options.accepts(headers)) {
      return this.#answer({ type: 'rstStream', streamId: id, status: resetStatus.refusedStream });
    }
    const stream = new SpdyStream(this.#owner, id, headers);
    this.#streams.set(id, stream);
    this.#send({ type: 'synReply', streamId: id, fin: false, headers: this.#headerWriter.write(new Map()) });
    if (fin) stream.deliver(Buffer.alloc(0), true);
    this.#options.onStream(stream);
  }

  /** Data of a stream that is gone is dropped: the client may have sent it before it knew. */
  #deliver(id: number, data: Buffer, fin: boolean): void {
    this.#idle.refresh();
    this.#streams.get(id)?.deliver(data, fin);
  }

  #sendData(streamId: number, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void {
    if (this.#closed.signal.aborted) return done(this.#closed.signal.reason as Error);
    this.#idle.refresh();
    let rest = data;
    for (; rest.length > maxDataLength; rest = rest.subarray(maxDataLength)) {
      this.#send({ type: 'data', streamId, fin: false, data: rest.subarray(0, maxDataLength) });
    }
    this.#transport.write(encodeFrame({ type: 'data', streamId, fin, data: rest }), done);
  }

  #forget(id: number, isReset: boolean): void {
    this.#streams.delete(id);
    if (isReset) this.#answer({ type: 'rstStream', streamId: id, status: resetStatus.cancel });
    this.#resume();
  }

  #isHeldUp(): boolean {
    for (const stream of this.#streams.values()) if (stream.isFull) return true;
    return false;
  }

  #resume(): void {
    if (!this.#closed.signal.aborted && !this.#isHeldUp()) this.#transport.resume();
  }

  #ping(): void {
    this.#pingId = (this.#pingId + 2) % 0x80_00_00_00;
    this.#answer({ type: 'ping', id: this.#pingId });
  }

  #answer(frame: Frame): void {
    if (this.#transport.writableLength <= maxBacklog) this.#send(frame);
  }

  #send(frame: Frame): void {
    if (this.#transport.writable) this.#transport.write(encodeFrame(frame));
  }
}

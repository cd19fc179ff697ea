import { Transform, type TransformCallback } from 'node:stream';

/** Bytes that a process wrote to one of its output streams. A frame of Docker's may come in several pieces. */
export interface OutputPiece {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Buffer;
}

/** What Docker sent is not the framed stream of its API, or ended inside a frame. */
export class FramingError extends Error {
  override readonly name = 'FramingError';
}

const headerLength = 8;
const streams: readonly (OutputPiece['stream'] | undefined)[] = [undefined, 'stdout', 'stderr'];
/** Docker's word for a failure of its own after the 200, e.g. a log file that it cannot read. */
const systemError = 3;
/** Such a message is a line or two. */
const maxErrorLength = 64 * 1024;

/**
 * Cuts Docker's framed output apart (Engine API, "Attach to a container", stream format): each frame is a header of a type
 * byte, three zero bytes and the length in four bytes, big-endian, and then its data. Bytes in, {@link OutputPiece} out.
 * Data is passed on as it comes: a frame of gigabytes takes no memory.
 */
export class FrameDecoder extends Transform {
  #header = Buffer.alloc(0);
  #type = 0;
  /** Bytes of the frame that are still to come. */
  #left = 0;
  #error = '';

  constructor() {
    super({ readableObjectMode: true });
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      for (let rest = chunk; rest.length > 0;) rest = this.#left === 0 ? this.#readHeader(rest) : this.#readData(rest);
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  override _flush(done: TransformCallback): void {
    const missing = this.#left > 0 ? this.#left : this.#header.length > 0 ? headerLength - this.#header.length : 0;
    done(missing === 0 ? null : new FramingError(`Docker's stream ended ${missing} bytes too early`));
  }

  /** Takes what is missing of a header from `chunk` and returns the rest. */
  #readHeader(chunk: Buffer): Buffer {
    const missing = headerLength - this.#header.length;
    this.#header = Buffer.concat([this.#header, chunk.subarray(0, missing)]);
    if (this.#header.length === headerLength) {
      this.#beginFrame(this.#header);
      this.#header = Buffer.alloc(0);
    }
    return chunk.subarray(missing);
  }

  #beginFrame(header: Buffer): void {
    this.#type = header.readUInt8(0);
    this.#left = header.readUInt32BE(4);
    if (this.#type > systemError || header.readUIntBE(1, 3) !== 0) {
      throw new FramingError(`Docker's stream has no frame where one begins: ${header.toString('hex')}`);
    }
    if (this.#type === systemError && this.#left > maxErrorLength) {
      throw new FramingError(`Docker's stream has an error message of ${this.#left} bytes`);
    }
  }

  /** Takes data of the frame from `chunk` and returns the rest. */
  #readData(chunk: Buffer): Buffer {
    const data = chunk.subarray(0, this.#left);
    this.#left -= data.length;
    const stream = streams[this.#type];
    if (stream !== undefined) this.push({ stream, data } satisfies OutputPiece);
    if (this.#type === systemError) this.#readError(data);
    return chunk.subarray(data.length);
  }

  #readError(data: Buffer): void {
    this.#error += data.toString('latin1');
    if (this.#left === 0) throw new Error(Buffer.from(this.#error, 'latin1').toString('utf8').trim());
  }
}

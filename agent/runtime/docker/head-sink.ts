import { StringDecoder } from 'node:string_decoder';
import { Writable } from 'node:stream';

/** Keeps the first bytes that are written to it and drops the rest. */
export class HeadSink extends Writable {
  readonly #kept: Buffer[] = [];
  #room: number;

  /** @param maxBytes to keep */
  constructor(maxBytes: number) {
    super();
    this.#room = maxBytes;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#room > 0) this.#kept.push(chunk.subarray(0, this.#room));
    this.#room = Math.max(0, this.#room - chunk.length);
    done();
  }

  /** What was kept, as UTF-8; a character that the cut went through is left out. */
  text(): string {
    return new StringDecoder('utf8').write(Buffer.concat(this.#kept));
  }
}

import type { Readable } from 'node:stream';
import { parseSize, type TerminalSize } from '../local/exec-input.ts';

/** Characters; a size is far shorter. */
const maxRest = 1024;

/** Sizes of a terminal as they come on the resize stream: JSON objects, one after the other, however they are cut. */
export class TerminalSizes {
  #rest = '';
  #size: TerminalSize | undefined;
  #listener: ((size: TerminalSize) => void) | undefined;

  /** Takes what the client sends. What is no size is dropped. */
  take(data: Buffer): void {
    this.#rest += data.toString('latin1');
    for (let end = this.#rest.indexOf('}'); end >= 0; end = this.#rest.indexOf('}')) {
      this.#set(parseSize(this.#rest.slice(0, end + 1)));
      this.#rest = this.#rest.slice(end + 1);
    }
    if (this.#rest.length > maxRest) this.#rest = '';
  }

  readFrom(stream: Readable): void {
    stream.on('data', (data: Buffer) => this.take(data));
  }

  /** Tells the size that is known, and each that follows. */
  readonly onResize = (listener: (size: TerminalSize) => void): void => {
    this.#listener = listener;
    if (this.#size !== undefined) listener(this.#size);
  };

  #set(size: TerminalSize | undefined): void {
    if (size === undefined) return;
    this.#size = size;
    this.#listener?.(size);
  }
}

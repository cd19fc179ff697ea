import { constants, inflateRawSync } from 'node:zlib';
import { dictionary, dictionaryId } from './dictionary.ts';
import { SpdyProtocolError } from './frames.ts';

/*
 * A header block is a number of pairs, then of each pair the name and the value with their lengths before them, all
 * numbers in four bytes (SPDY protocol draft 3, section 2.6.10). The blocks of one direction of a connection are one zlib
 * stream that begins with the dictionary and is flushed to a whole byte after each block (Z_SYNC_FLUSH).
 *
 * A deflate stream that was flushed so is, but for the 32 KiB of output that it may refer back to, independent of what was
 * before. So both directions are kept as data: the reader keeps those 32 KiB and inflates each block by itself, the writer
 * sends stored blocks. No zlib handle has to be released.
 */

/** Names are lower case. */
export type Headers = ReadonlyMap<string, string>;

/** How far back deflate may refer, bytes. */
const windowLength = 32 * 1024;
/** Bytes of a block when inflated. */
const maxBlockLength = 64 * 1024;
const maxPairs = 100;
/** Method deflate, window of 32 KiB, best compression, a dictionary follows: what every SPDY/3 peer begins with. */
const zlibHeadLength = 6;

/** Reads the header blocks of one direction of a connection, in the order in which they came. */
export class HeaderReader {
  #window = dictionary;
  #hasBegun = false;

  /** @throws SpdyProtocolError when it is no header block, or one that is too long */
  read(block: Buffer): Headers {
    const inflated = this.#inflate(this.#hasBegun ? block : afterZlibHead(block));
    this.#hasBegun = true;
    this.#window = Buffer.concat([this.#window, inflated]);
    if (this.#window.length > windowLength) this.#window = this.#window.subarray(-windowLength);
    return parseHeaders(inflated);
  }

  #inflate(deflated: Buffer): Buffer {
    try {
      return inflateRawSync(deflated, {
        dictionary: this.#window,
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: maxBlockLength,
      });
    } catch (error) {
      throw new SpdyProtocolError('a header block cannot be inflated', { cause: error });
    }
  }
}

function afterZlibHead(block: Buffer): Buffer {
  const isZlib = block.length >= zlibHeadLength && block.readUInt16BE(0) % 31 === 0 && (block.readUInt8(0) & 15) === 8;
  if (!isZlib || (block.readUInt8(1) & 0x20) === 0 || block.readUInt32BE(2) !== dictionaryId) {
    throw new SpdyProtocolError('the first header block does not begin with the dictionary of SPDY/3');
  }
  return block.subarray(zlibHeadLength);
}

/** @throws SpdyProtocolError */
export function parseHeaders(bytes: Buffer): Headers {
  let at = 0;
  const length = (): number => {
    if (at + 4 > bytes.length) throw new SpdyProtocolError('a header block is cut short');
    at += 4;
    return bytes.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const end = length() + at;
    if (end > bytes.length) throw new SpdyProtocolError('a header block is cut short');
    const value = bytes.toString('utf8', at, end);
    at = end;
    return value;
  };
  const pairs = length();
  if (pairs > maxPairs) throw new SpdyProtocolError(`${pairs} headers are more than ${maxPairs}`);
  return new Map(Array.from({ length: pairs }, () => [text().toLowerCase(), text()]));
}

export function renderHeaders(headers: Headers): Buffer {
  const parts = [uint32(headers.size)];
  for (const text of [...headers].flat()) {
    const bytes = Buffer.from(text);
    parts.push(uint32(bytes.length), bytes);
  }
  return Buffer.concat(parts);
}

/** Makes the header blocks of one direction of a connection, to be sent in the order in which they were made. */
export class HeaderWriter {
  #hasBegun = false;

  /** @throws RangeError for headers of 64 KiB and more */
  write(headers: Headers): Buffer {
    const bytes = renderHeaders(headers);
    const zlibHead = this.#hasBegun
      ? Buffer.alloc(0)
      : Buffer.concat([Buffer.from([0x78, 0xbb]), uint32(dictionaryId)]);
    this.#hasBegun = true;
    // The empty block at the end makes Go's reader pass on what it has.
    return Buffer.concat([zlibHead, storedHead(bytes.length), bytes, storedHead(0)]);
  }
}

/** Head of a deflate block that is stored and not the last (RFC 1951, section 3.2.4). */
function storedHead(length: number): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt16LE(length, 1);
  head.writeUInt16LE(length ^ 0xff_ff, 3);
  return head;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/*
 * Frames of SPDY/3.1 (SPDY protocol draft 3.1, section 2.2), big-endian:
 *
 *   control   1 | version 3 (15 bits)   type (16)   flags (8)   length (24)   payload
 *   data      0 | stream (31 bits)                  flags (8)   length (24)   data
 *
 * Header blocks stay compressed here, since they can only be read in the order of their connection: `header-blocks.ts`.
 * There is no flow control: Go's spdystream, which kubectl and the API server use, never sends a WINDOW_UPDATE.
 */

export type Frame =
  | { readonly type: 'synStream'; readonly streamId: number; readonly fin: boolean; readonly headers: Buffer }
  | {
      readonly type: 'synReply' | 'headers';
      readonly streamId: number;
      readonly fin: boolean;
      readonly headers: Buffer;
    }
  /** As much of a DATA frame as has arrived; `fin` is only with its last piece. */
  | { readonly type: 'data'; readonly streamId: number; readonly fin: boolean; readonly data: Buffer }
  | { readonly type: 'rstStream'; readonly streamId: number; readonly status: number }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'goAway'; readonly lastStreamId: number; readonly status: number }
  | { readonly type: 'windowUpdate'; readonly streamId: number; readonly delta: number };

type ControlFrame = Exclude<Frame, { readonly type: 'data' }>;

/** What a RST_STREAM says. */
export const resetStatus = { protocolError: 1, refusedStream: 3, cancel: 5 } as const;
/** What a GOAWAY says. */
export const goAwayStatus = { ok: 0, protocolError: 1 } as const;

/** The peer does not speak SPDY/3.1; the connection cannot go on. */
export class SpdyProtocolError extends Error {
  override readonly name = 'SpdyProtocolError';
}

const headLength = 8;
const finFlag = 1;
const version = 3;
/** Bytes. Control frames are kept until they are whole; DATA of any length is passed on in pieces. */
const maxControlLength = 64 * 1024;
/** Bytes that a length field can tell. */
export const maxDataLength = 0xff_ff_ff;

const types = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const satisfies Record<ControlFrame['type'], number>;

/** @throws RangeError for data longer than {@link maxDataLength} */
export function encodeFrame(frame: Frame): Buffer {
  switch (frame.type) {
    case 'synStream':
      // No associated stream, priority 0, no credential slot.
      return control(frame, Buffer.concat([words(frame.streamId, 0), Buffer.alloc(2), frame.headers]), frame.fin);
    case 'synReply':
    case 'headers':
      return control(frame, Buffer.concat([words(frame.streamId), frame.headers]), frame.fin);
    case 'data':
      return withHead(frame.streamId, frame.data, frame.fin);
    case 'rstStream':
      return control(frame, words(frame.streamId, frame.status));
    case 'ping':
      return control(frame, words(frame.id));
    case 'goAway':
      return control(frame, words(frame.lastStreamId, frame.status));
    case 'windowUpdate':
      return control(frame, words(frame.streamId, frame.delta));
  }
}

function control({ type }: ControlFrame, payload: Buffer, fin = false): Buffer {
  return withHead((0x80_00 | version) * 0x1_00_00 + types[type], payload, fin);
}

function withHead(first: number, payload: Buffer, fin: boolean): Buffer {
  const head = Buffer.allocUnsafe(headLength);
  head.writeUInt32BE(first, 0);
  head.writeUIntBE(payload.length, 5, 3);
  head.writeUInt8(fin ? finFlag : 0, 4);
  return Buffer.concat([head, payload]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(4 * values.length);
  values.forEach((value, index) => bytes.writeUInt32BE(value, 4 * index));
  return bytes;
}

interface DataInProgress {
  readonly streamId: number;
  readonly fin: boolean;
  readonly left: number;
}

/** Cuts bytes into frames, wherever they were cut on their way. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  #data: DataInProgress | undefined;

  /**
   * Frames as they become whole, and data as it comes. Frames that mean nothing to us (SETTINGS, CREDENTIAL, unknown ones)
   * are left out.
   *
   * @throws SpdyProtocolError after the frames before the broken one; the reader is of no use then
   */
  *read(chunk: Buffer): Generator<Frame, void, undefined> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      if (this.#data !== undefined) {
        if (this.#rest.length === 0) return;
        yield this.#takeData(this.#data);
        continue;
      }
      if (this.#rest.length < headLength) return;
      if ((this.#rest.readUInt8(0) & 0x80) === 0) {
        const empty = this.#beginData();
        if (empty !== undefined) yield empty;
        continue;
      }
      const length = this.#controlLength();
      if (this.#rest.length < headLength + length) return;
      const frame = decodeControl(this.#rest.subarray(0, headLength + length));
      this.#rest = this.#rest.subarray(headLength + length);
      if (frame !== undefined) yield frame;
    }
  }

  /** Takes the head of a DATA frame; a frame without data is whole with it. */
  #beginData(): Frame | undefined {
    const streamId = this.#rest.readUInt32BE(0);
    if (streamId === 0) throw new SpdyProtocolError('a DATA frame names stream 0');
    const fin = (this.#rest.readUInt8(4) & finFlag) !== 0;
    const left = this.#rest.readUIntBE(5, 3);
    this.#rest = this.#rest.subarray(headLength);
    if (left === 0) return { type: 'data', streamId, fin, data: Buffer.alloc(0) };
    this.#data = { streamId, fin, left };
    return undefined;
  }

  #takeData({ streamId, fin, left }: DataInProgress): Frame {
    const data = this.#rest.subarray(0, left);
    this.#rest = this.#rest.subarray(data.length);
    const isLast = data.length === left;
    this.#data = isLast ? undefined : { streamId, fin, left: left - data.length };
    return { type: 'data', streamId, fin: fin && isLast, data };
  }

  #controlLength(): number {
    const peerVersion = this.#rest.readUInt16BE(0) & 0x7f_ff;
    if (peerVersion !== version) throw new SpdyProtocolError(`a frame is of SPDY version ${peerVersion}`);
    const length = this.#rest.readUIntBE(5, 3);
    if (length > maxControlLength) {
      throw new SpdyProtocolError(`a control frame of ${length} bytes is longer than ${maxControlLength}`);
    }
    return length;
  }
}

function decodeControl(bytes: Buffer): Frame | undefined {
  const type = bytes.readUInt16BE(2);
  const fin = (bytes.readUInt8(4) & finFlag) !== 0;
  const payload = bytes.subarray(headLength);
  switch (type) {
    case types.synStream:
      need(payload, 10, 'SYN_STREAM');
      return { type: 'synStream', streamId: word(payload, 0), fin, headers: payload.subarray(10) };
    case types.synReply:
      need(payload, 4, 'SYN_REPLY');
      return { type: 'synReply', streamId: word(payload, 0), fin, headers: payload.subarray(4) };
    case types.headers:
      need(payload, 4, 'HEADERS');
      return { type: 'headers', streamId: word(payload, 0), fin, headers: payload.subarray(4) };
    case types.rstStream:
      need(payload, 8, 'RST_STREAM');
      return { type: 'rstStream', streamId: word(payload, 0), status: payload.readUInt32BE(4) };
    case types.ping:
      need(payload, 4, 'PING');
      return { type: 'ping', id: payload.readUInt32BE(0) };
    case types.goAway:
      need(payload, 8, 'GOAWAY');
      return { type: 'goAway', lastStreamId: word(payload, 0), status: payload.readUInt32BE(4) };
    case types.windowUpdate:
      need(payload, 8, 'WINDOW_UPDATE');
      return { type: 'windowUpdate', streamId: word(payload, 0), delta: word(payload, 4) };
    default:
      return undefined;
  }
}

function need(payload: Buffer, length: number, name: string): void {
  if (payload.length < length) throw new SpdyProtocolError(`a ${name} frame of ${payload.length} bytes is too short`);
}

/** 31 bits; the first one is reserved. */
const word = (bytes: Buffer, offset: number): number => bytes.readUInt32BE(offset) & 0x7f_ff_ff_ff;

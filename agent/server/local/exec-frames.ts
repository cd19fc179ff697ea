import { Writable, type Duplex } from 'node:stream';

/*
 * The stream of `exec` after the upgrade, in both directions a sequence of frames:
 *
 *   channel (1 byte)   length (4 bytes, big-endian)   data (length bytes)
 *
 * Channels and what they carry are those of Kubernetes' `v5.channel.k8s.io`, whose WebSocket messages the frames stand for
 * (apimachinery `pkg/util/remotecommand/constants.go`):
 *
 *   0    stdin    client to server
 *   1, 2 stdout, stderr   server to client; an empty frame says only that the server is there
 *   3    error    server to client, once and last: a v1 Status in JSON, as `exec-status.ts` makes it
 *   4    resize   client to server: `{"Width":80,"Height":24}`
 *   255  close    client to server: the channel in the one byte of data has ended, for stdin the end of the input
 */

export const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** The word for it in the `Upgrade` header. */
export const execProtocol = 'podwright-exec.v5';

export interface Frame {
  readonly channel: number;
  readonly data: Buffer;
}

/** The peer does not speak the protocol. */
export class ExecFramingError extends Error {
  override readonly name = 'ExecFramingError';
}

const headerLength = 5;
/** Bytes of data in a frame; what is longer is sent in several. */
const maxDataLength = 64 * 1024;

export function encodeFrame(channel: number, data: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headerLength + data.length);
  frame.writeUInt8(channel, 0);
  frame.writeUInt32BE(data.length, 1);
  frame.set(data, headerLength);
  return frame;
}

/** Cuts bytes into frames, wherever they were cut on their way. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @throws ExecFramingError for a frame that is longer than any that is sent */
  read(chunk: Buffer): readonly Frame[] {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    while (rest.length >= headerLength) {
      const length = rest.readUInt32BE(1);
      if (length > maxDataLength)
        throw new ExecFramingError(`a frame of ${length} bytes is longer than ${maxDataLength}`);
      if (rest.length < headerLength + length) break;
      frames.push({ channel: rest.readUInt8(0), data: rest.subarray(headerLength, headerLength + length) });
      rest = rest.subarray(headerLength + length);
    }
    this.#rest = rest;
    return frames;
  }
}

/** Sends what is written to it as frames of one channel, no faster than the peer takes them. Its end is not sent. */
export class ChannelSink extends Writable {
  readonly #socket: Duplex;
  readonly #channel: number;

  constructor(socket: Duplex, channel: number) {
    super();
    this.#socket = socket;
    this.#channel = channel;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const pieces: Buffer[] = [];
    for (let start = 0; start < chunk.length; start += maxDataLength) {
      pieces.push(encodeFrame(this.#channel, chunk.subarray(start, start + maxDataLength)));
    }
    this.#socket.write(Buffer.concat(pieces), done);
  }
}

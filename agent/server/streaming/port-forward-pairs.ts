import type { Headers } from './spdy/header-blocks.ts';
import type { SpdyStream } from './spdy/stream.ts';

export interface StreamPair {
  readonly data: SpdyStream;
  readonly error: SpdyStream;
}

/** The port that a stream is for; undefined when the headers are not those of port-forward. */
export function portOf(headers: Headers): number | undefined {
  const port = Number(/^\d{1,5}$/.exec(headers.get('port') ?? '')?.[0]);
  const type = headers.get('streamtype');
  return port > 0 && port < 65_536 && (type === 'data' || type === 'error') ? port : undefined;
}

/**
 * What the streams of a pair have in common: the header `requestid`. Older clients send none; they open the error stream
 * and then the data stream (kubelet `pkg/cri/streaming/portforward/httpstream.go`, `requestID`).
 */
export function requestId({ id, headers }: Pick<SpdyStream, 'id' | 'headers'>): string {
  return headers.get('requestid') || String(headers.get('streamtype') === 'data' ? id - 2 : id);
}

interface HalfPair {
  readonly stream: SpdyStream;
  readonly timer: NodeJS.Timeout;
}

/** Streams that wait for the other one of their pair, no longer than they may. */
export class StreamPairs {
  readonly #halves = new Map<string, HalfPair>();
  readonly #timeoutMs: number;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** @returns the pair, when the stream completes it */
  add(stream: SpdyStream): StreamPair | undefined {
    const id = requestId(stream);
    const half = this.#halves.get(id);
    if (half === undefined) {
      const timer = setTimeout(() => stream.destroy(), this.#timeoutMs);
      this.#halves.set(id, { stream, timer });
      stream.once('close', () => this.#drop(id, stream));
      return undefined;
    }
    if (half.stream.headers.get('streamtype') === stream.headers.get('streamtype')) {
      stream.destroy(); // A second one of its kind.
      return undefined;
    }
    this.#drop(id, half.stream);
    const isData = stream.headers.get('streamtype') === 'data';
    return isData ? { data: stream, error: half.stream } : { data: half.stream, error: stream };
  }

  #drop(id: string, stream: SpdyStream): void {
    const half = this.#halves.get(id);
    if (half?.stream !== stream) return;
    clearTimeout(half.timer);
    this.#halves.delete(id);
  }
}

import { type Duplex, PassThrough } from 'node:stream';
import { channels, encodeFrame, type Frame, FrameReader } from './exec-frames.ts';

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** How often the client is tried while its input is not read: only then is its end not seen otherwise. */
const tryPeerMs = 2_000;

/** What the client of an `exec` sends: the command's input, sizes of the terminal. */
export class ExecInput {
  readonly stdin: PassThrough | undefined;
  readonly #socket: Duplex;
  readonly #reader = new FrameReader();
  #onResize: ((size: TerminalSize) => void) | undefined;
  #size: TerminalSize | undefined;
  #pings: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(socket: Duplex, wantsStdin: boolean) {
    this.#socket = socket;
    this.stdin = wantsStdin ? new PassThrough() : undefined;
    this.stdin?.on('error', () => undefined).on('drain', () => this.#goOn());
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  onResize(listener: (size: TerminalSize) => void): void {
    this.#onResize = listener;
    if (this.#size !== undefined) listener(this.#size);
  }

  /** Reads on, so that the client's end is seen and it can send what it has begun to send, but drops all of it. */
  ignoreRest(): void {
    this.#isOver = true;
    this.stdin?.destroy();
    this.#goOn();
  }

  #take(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      for (const frame of this.#reader.read(chunk)) this.#handle(frame);
    } catch (error) {
      this.#socket.destroy(error as Error);
    }
  }

  #handle({ channel, data }: Frame): void {
    if (channel === channels.resize) this.#resize(data);
    else if (this.stdin === undefined || this.stdin.writableEnded) return;
    else if (channel === channels.stdin && !this.stdin.write(data)) this.#pause();
    else if (channel === channels.close && data[0] === channels.stdin) this.stdin.end();
  }

  #resize(data: Buffer): void {
    const size = parseSize(data.toString('utf8'));
    if (size === undefined) return;
    this.#size = size;
    this.#onResize?.(size);
  }

  /** A socket that is not read does not tell that its peer is gone; one that is written to does. */
  #pause(): void {
    this.#socket.pause();
    const empty = encodeFrame(channels.stdout, Buffer.alloc(0));
    this.#pings ??= setInterval(() => this.#socket.write(empty), tryPeerMs);
  }

  #goOn(): void {
    clearInterval(this.#pings);
    this.#pings = undefined;
    this.#socket.resume();
  }
}

/** `{"Width":80,"Height":24}`; undefined for anything else. */
export function parseSize(text: string): TerminalSize | undefined {
  try {
    const { Width, Height } = JSON.parse(text) as { readonly Width?: unknown; readonly Height?: unknown };
    return isCells(Width) && isCells(Height) ? { width: Width, height: Height } : undefined;
  } catch {
    return undefined;
  }
}

const isCells = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;

import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { UpgradeRequest } from '../../../../agent/server/streaming/index.ts';
import { encodeFrame, type Frame, FrameReader } from '../../../../agent/server/streaming/spdy/frames.ts';
import { type Headers, HeaderReader, HeaderWriter } from '../../../../agent/server/streaming/spdy/header-blocks.ts';

export type Upgraded = (upgrade: UpgradeRequest) => Promise<void>;

/** A server on a local port that gives each upgrade to `serve`, and counts what is not done. */
export class UpgradeServer {
  /** What `serve` returned for connections that are not over. */
  readonly running = new Set<Promise<void>>();
  readonly #server: Server;

  private constructor(serve: Upgraded) {
    this.#server = createServer();
    this.#server.on('upgrade', (request, socket, head) => {
      const session = serve({ request, socket, head });
      this.running.add(session);
      void session.finally(() => this.running.delete(session));
    });
  }

  static async start(serve: Upgraded): Promise<UpgradeServer> {
    const server = new UpgradeServer(serve);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await Promise.all(this.running);
  }
}

export interface Answer {
  readonly response: IncomingMessage;
  readonly socket: Duplex | undefined;
  readonly head: Buffer;
}

export async function upgrade(port: number, headers: Record<string, string | string[]>, path = '/'): Promise<Answer> {
  const sent = request({ port, host: '127.0.0.1', path, headers: { Connection: 'Upgrade', ...headers }, agent: false });
  sent.end();
  return new Promise((resolve, reject) => {
    sent.once('upgrade', (response, socket, head) => resolve({ response, socket, head }));
    sent.once('response', (response) => resolve({ response, socket: undefined, head: Buffer.alloc(0) }));
    sent.once('error', reject);
  });
}

/** What came on one stream. */
interface Received {
  readonly chunks: Buffer[];
  bytes: number;
  replied: boolean;
  fin: boolean;
  reset: number | undefined;
}

/** A SPDY/3.1 client as Go's spdystream is one: it never sends a WINDOW_UPDATE. */
export class SpdyClient {
  readonly frames: Frame[] = [];
  readonly streams = new Map<number, Received>();
  /** Whether what comes is kept, or only counted. */
  keepsData = true;
  isClosed = false;
  readonly socket: Duplex;
  readonly #headerWriter = new HeaderWriter();
  readonly #headerReader = new HeaderReader();
  readonly #reader = new FrameReader();
  #nextId = 1;
  #waiters: (() => void)[] = [];

  constructor(socket: Duplex, head: Buffer) {
    this.socket = socket;
    if (head.length > 0) socket.unshift(head);
    socket.on('data', (chunk: Buffer) => {
      for (const frame of this.#reader.read(chunk)) this.#take(frame);
      this.#wake();
    });
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  static async connect(port: number, protocols: string | string[], path = '/'): Promise<SpdyClient> {
    const headers = { Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': protocols };
    const { socket, head, response } = await upgrade(port, headers, path);
    if (socket === undefined) throw new Error(`refused: ${response.statusCode}`);
    return new SpdyClient(socket, head);
  }

  open(headers: Record<string, string>, fin = false): number {
    const id = this.#nextId;
    this.#nextId += 2;
    this.streams.set(id, { chunks: [], bytes: 0, replied: false, fin: false, reset: undefined });
    const block: Headers = new Map(Object.entries(headers));
    this.send({ type: 'synStream', streamId: id, fin, headers: this.#headerWriter.write(block) });
    return id;
  }

  send(frame: Frame): boolean {
    return this.socket.write(encodeFrame(frame));
  }

  data(streamId: number, data: Buffer | string, fin = false): boolean {
    return this.send({ type: 'data', streamId, fin, data: Buffer.from(data) });
  }

  text(id: number): string {
    return Buffer.concat(this.get(id).chunks).toString();
  }

  get(id: number): Received {
    const stream = this.streams.get(id);
    if (stream === undefined) throw new Error(`no stream ${id}`);
    return stream;
  }

  /** Resolves when `condition` holds; rejects when the connection closes first. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.isClosed) throw new Error('the connection has closed');
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  async closed(): Promise<void> {
    await this.until(() => this.isClosed);
  }

  #take(frame: Frame): void {
    if (frame.type !== 'data') this.frames.push(frame);
    if (frame.type === 'synReply') this.#headerReader.read(frame.headers);
    const stream = 'streamId' in frame ? this.streams.get(frame.streamId) : undefined;
    if (stream === undefined) return;
    if (frame.type === 'synReply') stream.replied = true;
    if (frame.type === 'rstStream') stream.reset = frame.status;
    if (frame.type !== 'data') return;
    if (this.keepsData) stream.chunks.push(frame.data);
    stream.bytes += frame.data.length;
    stream.fin ||= frame.fin;
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { dialProgram } from './dial-program.ts';

interface Waiting {
  readonly resolve: (socket: Socket) => void;
  readonly reject: (error: Error) => void;
}

/** As {@link dialProgram} sends it. */
interface Answer {
  readonly id: number;
  readonly error?: string;
}

/** How long a helper is kept that nobody asks anything; a browser opens its connections in bursts. */
const idleMs = 30_000;

/**
 * Connects to ports of another network namespace, through a process in it: Node cannot change its own. The process only
 * opens sockets; what goes through them is none of its business, and goes on after its end.
 */
export class NamespaceDialer {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #idle: NodeJS.Timeout;
  #lastId = 0;
  #stderr = '';

  /**
   * @param netns path of the namespace, e.g. `/proc/<pid>/ns/net`
   * @param onEnd is told when the helper has ended: then it cannot be used any more
   */
  constructor(netns: string, onEnd: () => void) {
    this.#child = spawn('nsenter', [`--net=${netns}`, '--', process.execPath, '--eval', dialProgram], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { PATH: process.env['PATH'] },
    });
    this.#idle = setTimeout(() => this.stop(), idleMs).unref();
    const end = (reason: string): void => {
      clearTimeout(this.#idle);
      onEnd();
      for (const { reject } of this.#waiting.values()) reject(new Error(`cannot enter ${netns}: ${reason}`));
      this.#waiting.clear();
    };
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString().slice(0, 1_000)));
    this.#child.on('message', (answer, socket) => this.#answered(answer as Answer, socket));
    this.#child.on('error', (error) => end(error.message));
    this.#child.once('close', () => end(this.#stderr.trim() || 'the helper has ended'));
  }

  /** @throws when nothing listens there, or the namespace is gone */
  async dial(port: number, signal: AbortSignal): Promise<Socket> {
    signal.throwIfAborted();
    this.#lastId += 1;
    const id = this.#lastId;
    this.#idle.refresh();
    return new Promise((resolve, reject) => {
      const abort = (): void => this.#waiting.get(id)?.reject(signal.reason as Error);
      const settled = (): void => {
        signal.removeEventListener('abort', abort);
        this.#waiting.delete(id);
      };
      this.#waiting.set(id, {
        resolve: (socket) => (settled(), resolve(socket)),
        reject: (error) => (settled(), reject(error)),
      });
      signal.addEventListener('abort', abort, { once: true });
      this.#child.send({ id, port }, () => undefined); // One that is gone is told by its end.
    });
  }

  stop(): void {
    clearTimeout(this.#idle);
    this.#child.kill('SIGKILL');
  }

  #answered({ id, error }: Answer, socket: unknown): void {
    const asked = this.#waiting.get(id);
    if (!(socket instanceof Socket)) return asked?.reject(new Error(error ?? 'the helper sent no connection'));
    // Node makes it without: the first end would be the end of both directions.
    socket.allowHalfOpen = true;
    if (asked === undefined) socket.destroy();
    else asked.resolve(socket);
  }
}

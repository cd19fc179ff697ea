import type { Clock } from '../../../agent/clock.ts';
import type { EventRecorder } from '../../../agent/events/types.ts';
import type { ContainerRuntime, ImageAuth, ImageStatus, LayerProgress } from '../../../agent/runtime/types.ts';

/** The image part of a runtime, with a registry that the test decides about. */
export class FakeImages implements Pick<ContainerRuntime, 'imageStatus' | 'pullImage' | 'loadImage'> {
  readonly present = new Map<string, ImageStatus>();
  /** `pull a:1`, `pull a:1 as anna`, `load` */
  readonly calls: string[] = [];
  /** Ends a pull: by default at once, with success. */
  onPull: (image: string, signal: AbortSignal, report: PullReport) => Promise<void> = () => Promise.resolve();
  onStatus: () => void = () => undefined;
  onLoad: () => void = () => undefined;

  add(image: string, size?: number): ImageStatus {
    const status = { id: `sha256:${image}`, tags: [image], digests: [], ...(size === undefined ? {} : { size }) };
    this.present.set(image, status);
    return status;
  }

  imageStatus(image: string): Promise<ImageStatus | undefined> {
    return Promise.resolve().then(() => {
      this.onStatus();
      return this.present.get(image);
    });
  }

  async pullImage(
    image: string,
    signal: AbortSignal,
    auth?: ImageAuth,
    onLayer: (layer: LayerProgress) => void = () => undefined,
  ): Promise<ImageStatus> {
    this.calls.push(`pull ${image}${auth === undefined ? '' : ` as ${auth.username}`}`);
    await this.onPull(image, signal, { username: auth?.username, onLayer });
    return this.add(image, 1234);
  }

  loadImage(): Promise<void> {
    return Promise.resolve().then(() => {
      this.calls.push('load');
      this.onLoad();
    });
  }
}

/** What a pull shows, and what it tells. */
export interface PullReport {
  readonly username: string | undefined;
  onLayer(layer: LayerProgress): void;
}

/** A clock that stands still until the test moves it. */
export class FakeClock implements Clock {
  #time = 1_000_000;
  readonly #sleepers = new Set<{ readonly at: number; wake(): void }>();

  now(): number {
    return this.#time;
  }

  /** Moves the time without waking anybody. */
  jump(ms: number): void {
    this.#time += ms;
  }

  /** Lets time pass, second by second, and what waits for it go on. */
  async pass(ms: number): Promise<void> {
    const end = this.#time + ms;
    while (this.#time < end) {
      this.#time = Math.min(end, this.#time + 1000);
      for (const sleeper of this.#sleepers) if (sleeper.at <= this.#time) sleeper.wake();
      await settled();
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', abort);
      };
      const abort = (): void => {
        leave();
        reject(signal?.reason as Error);
      };
      const wake = (): void => {
        leave();
        resolve();
      };
      const sleeper = { at: this.#time + ms, wake };
      if (signal?.aborted === true) return reject(signal.reason as Error);
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Who waits. */
  get waiting(): number {
    return this.#sleepers.size;
  }
}

/** Keeps events as `Type Reason: message`. */
export class FakeEvents implements EventRecorder {
  readonly all: string[] = [];
  readonly paths = new Set<string | undefined>();

  event(...[object, type, reason, message]: Parameters<EventRecorder['event']>): void {
    this.paths.add(object.fieldPath);
    this.all.push(`${type} ${reason}: ${message}`);
  }

  take(): string[] {
    return this.all.splice(0);
  }
}

export const never = new AbortController().signal;

/** A promise that the test settles. */
export function deferred(): { readonly promise: Promise<void>; resolve(): void; reject(error: Error): void } {
  let settle: { resolve(): void; reject(error: Error): void } | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  if (settle === undefined) throw new Error('unreachable');
  return { promise, ...settle };
}

/** Lets all that can go on without an outside event go on. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 50; i += 1) await Promise.resolve();
}

import type { EventRecorder } from '../../../agent/events/types.ts';
import type { ContainerRuntime, ImageAuth, ImageStatus } from '../../../agent/runtime/types.ts';

/** The image part of a runtime, with a registry that the test decides about. */
export class FakeImages implements Pick<ContainerRuntime, 'imageStatus' | 'pullImage' | 'loadImage'> {
  readonly present = new Map<string, ImageStatus>();
  /** `pull a:1`, `pull a:1 as anna`, `load` */
  readonly calls: string[] = [];
  /** Ends a pull: by default at once, with success. */
  onPull: (image: string, signal: AbortSignal) => Promise<void> = () => Promise.resolve();
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

  async pullImage(image: string, signal: AbortSignal, auth?: ImageAuth): Promise<ImageStatus> {
    this.calls.push(`pull ${image}${auth === undefined ? '' : ` as ${auth.username}`}`);
    await this.onPull(image, signal);
    return this.add(image, 1234);
  }

  loadImage(): Promise<void> {
    return Promise.resolve().then(() => {
      this.calls.push('load');
      this.onLoad();
    });
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

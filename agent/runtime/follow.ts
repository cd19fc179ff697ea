import type { Clock } from '../clock.ts';
import { type Round, uncounted } from '../round.ts';
import type { ContainerRuntime, RuntimeEvent } from './types.ts';

export interface FollowOptions {
  readonly runtime: Pick<ContainerRuntime, 'watchEvents'>;
  readonly clock: Clock;
  /** Counts a stream. */
  readonly round?: Round;
  readonly onEvent: (event: RuntimeEvent) => void;
  /** The stream is open: what happened before must now be listed. */
  readonly onOpen: () => void;
  /** The stream could not be opened, or broke. */
  readonly onLost: (error: unknown, failures: number) => void;
}

const firstRetryMs = 250;
const maxRetryMs = 5_000;

/** Keeps the runtime's event stream open until `signal` is aborted; while the runtime is away it is tried again and again. */
export async function followRuntime(options: FollowOptions, signal: AbortSignal): Promise<void> {
  for (let failures = 0; !signal.aborted; failures += 1) {
    const opened = (): void => {
      failures = 0;
      options.onOpen();
    };
    try {
      await (options.round ?? uncounted)(() => options.runtime.watchEvents(options.onEvent, opened, signal));
    } catch (error) {
      if (signal.aborted) return;
      options.onLost(error, failures);
    }
    await options.clock.sleep(Math.min(maxRetryMs, firstRetryMs * 2 ** failures), signal).catch(() => undefined);
  }
}

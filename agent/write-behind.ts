import type { Clock } from './clock.ts';
import { type Round, uncounted } from './round.ts';
import { createWakeup } from './wakeup.ts';

/** After a failed write, e.g. on a full disk. Milliseconds. */
const retryMs = 60_000;
const forever = 2 ** 31 - 1;

/** Keeps something on disk some time after it has changed. Nothing waits for a write. */
export interface WriteBehind {
  /** There is something to write. */
  readonly changed: () => void;
  /** Writes what has changed until `signal` is aborted, and then what is left. Rejects for no failed write. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

export interface WriteBehindOptions {
  readonly clock: Clock;
  /** Changes are gathered this long. Milliseconds. What a daemon that is killed loses. */
  readonly gatherMs: number;
  /** Writes the state as it is now. When it fails it is run again a minute later, or at the next change. */
  readonly write: () => Promise<void>;
  readonly onError: (error: unknown) => void;
  /** Counts a write. */
  readonly round?: Round | undefined;
}

export function createWriteBehind(options: WriteBehindOptions): WriteBehind {
  const { clock, gatherMs, write, onError, round = uncounted } = options;
  const wakeup = createWakeup(clock);
  let isStale = false;

  /** @returns after how long to look again, unless something changes before; milliseconds */
  const flush = async (): Promise<number> => {
    if (!isStale) return forever;
    isStale = false;
    try {
      await round(write);
      return forever;
    } catch (error) {
      isStale = true;
      onError(error);
      return retryMs;
    }
  };

  return {
    changed: () => {
      isStale = true;
      wakeup.wake();
    },
    run: async (signal) => {
      try {
        for (let waitMs = forever; ;) {
          await wakeup.sleep(waitMs, signal);
          await clock.sleep(gatherMs, signal);
          waitMs = await flush();
        }
      } catch (error) {
        if (!signal.aborted) throw error;
        await flush();
      }
    },
  };
}

import { setTimeout as delay } from 'node:timers/promises';

/** Time as the daemon sees it, injected so that tests decide what time it is. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      throw signal?.aborted === true ? signal.reason : error;
    }
  },
};

/**
 * A clock that only goes on: from where it was when `clock` is set back. For what is due after a while, which would otherwise
 * not be due before `clock` is there again; not for times that are shown.
 */
export function onward(clock: Clock): Clock {
  let last = clock.now();
  let ahead = 0;
  return {
    now: () => {
      const now = clock.now() + ahead;
      ahead += Math.max(0, last - now);
      last = Math.max(last, now);
      return last;
    },
    sleep: async (ms, signal) => clock.sleep(ms, signal),
  };
}

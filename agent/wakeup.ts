import type { Clock } from './clock.ts';

/** A sleep that can be ended. A wake-up that comes while nobody sleeps ends the next sleep at once. One sleeper at a time. */
export interface Wakeup {
  readonly wake: () => void;
  /** Resolves after `ms`, or when woken. Rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export function createWakeup(clock: Clock): Wakeup {
  let woken = false;
  let sleeper: AbortController | undefined;
  return {
    wake: () => {
      woken = true;
      sleeper?.abort();
    },
    sleep: async (ms, signal) => {
      const controller = new AbortController();
      const stop = (): void => controller.abort();
      sleeper = controller;
      signal.addEventListener('abort', stop);
      try {
        if (!woken && !signal.aborted) await clock.sleep(ms, controller.signal);
      } catch (error) {
        if (!controller.signal.aborted) throw error;
      } finally {
        signal.removeEventListener('abort', stop);
        woken = false;
        sleeper = undefined;
      }
      signal.throwIfAborted();
    },
  };
}

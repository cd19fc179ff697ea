import type { Clock } from '../../../agent/clock.ts';

interface Sleeper {
  readonly dueAt: number;
  readonly wake: () => void;
}

/** A clock that stands still until it is told to go on; timers are on time to the millisecond. */
export interface FakeClock extends Clock {
  /** Lets so much time pass, and all that it wakes up run. */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock, as an administrator does: sleeps do not notice. */
  setWall(time: number): void;
  sleepers(): number;
}

export function createFakeClock(start: number): FakeClock {
  const sleepers = new Set<Sleeper>();
  let elapsed = 0;
  let offset = start;
  return {
    now: () => offset + elapsed,
    sleep: async (ms, signal) =>
      new Promise<void>((resolve, reject) => {
        const abort = (): void => {
          sleepers.delete(sleeper);
          reject(signal?.reason as Error);
        };
        const wake = (): void => {
          signal?.removeEventListener('abort', abort);
          resolve();
        };
        const sleeper = { dueAt: elapsed + ms, wake };
        if (signal?.aborted === true) return abort();
        sleepers.add(sleeper);
        signal?.addEventListener('abort', abort, { once: true });
      }),
    advance: async (ms) => {
      const end = elapsed + ms;
      await settle();
      for (;;) {
        const [first] = [...sleepers].filter(({ dueAt }) => dueAt <= end).sort((a, b) => a.dueAt - b.dueAt);
        if (first === undefined) break;
        sleepers.delete(first);
        elapsed = Math.max(elapsed, first.dueAt);
        first.wake();
        await settle();
      }
      elapsed = end;
    },
    setWall: (time) => {
      offset = time - elapsed;
    },
    sleepers: () => sleepers.size,
  };
}

/** Everything that is only waiting for its turn has had it. */
async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

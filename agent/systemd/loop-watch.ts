import type { Clock } from '../clock.ts';

/** Knows which loops of the daemon still go round: each has a clock of its own, and is heard of when it looks at it or sleeps. */
export interface LoopWatch {
  /** A clock for one loop, which must use it once a round. */
  clock(loop: string): Clock;
  /** The loop that was not heard of in time, `eviction, for 712 s`; undefined when all go round. */
  stuck(): string | undefined;
}

/**
 * The kubelet gives a round of its loop five minutes (`syncLoopHealthCheck`, `pkg/kubelet/kubelet.go`). One of these may wait for
 * several answers of a Docker that is slow, which no restart makes faster.
 */
const roundMs = 600_000;

/**
 * @param clock what loops sleep on
 * @param monotonic milliseconds that no one sets: a jump of the clock is no round that took long
 */
export function createLoopWatch(clock: Clock, monotonic: () => number): LoopWatch {
  const dueAt = new Map<string, number>();
  const heard = (loop: string, ms: number): void => void dueAt.set(loop, monotonic() + ms + roundMs);
  return {
    clock: (loop) => ({
      now: () => {
        heard(loop, 0);
        return clock.now();
      },
      sleep: async (ms, signal) => {
        heard(loop, ms);
        await clock.sleep(ms, signal);
      },
    }),
    stuck: () => {
      const now = monotonic();
      const late = [...dueAt].find(([, due]) => due < now);
      return late === undefined ? undefined : `${late[0]}, for ${Math.round((now - late[1] + roundMs) / 1_000)} s`;
    },
  };
}

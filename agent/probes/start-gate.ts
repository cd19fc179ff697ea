/*
 * INVARIANTS
 * - At most `slots` tasks are in their first `holdMs` milliseconds; the others wait in the order of their coming.
 * - A task that runs longer gives its slot back and goes on, so tasks that hang never keep others from starting.
 */

/** Bounds how many tasks start at a time. */
export interface StartGate {
  /** @throws the signal's reason when it is aborted before the task has started */
  run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export function createStartGate(slots: number, holdMs: number): StartGate {
  const waiting = new Set<() => void>();
  let free = slots;

  const leave = (): void => {
    const [next] = waiting;
    if (next === undefined) {
      free += 1;
      return;
    }
    waiting.delete(next);
    next();
  };

  const enter = async (signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    if (free > 0) {
      free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const admit = (): void => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      const abort = (): void => {
        waiting.delete(admit);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abort, { once: true });
      waiting.add(admit);
    });
  };

  return {
    run: async (task, signal) => {
      await enter(signal);
      const leaveOnce = once(leave);
      const timer = setTimeout(leaveOnce, holdMs);
      try {
        return await task();
      } finally {
        clearTimeout(timer);
        leaveOnce();
      }
    },
  };
}

function once(action: () => void): () => void {
  let called = false;
  return () => {
    if (called) return;
    called = true;
    action();
  };
}

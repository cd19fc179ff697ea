/*
 * INVARIANTS
 * - Any number of shared tasks run beside each other; an exclusive one runs alone.
 * - Of one key, one task runs at a time.
 * - Who is aborted while it waits leaves; its task is never started. A task that runs is its own to end.
 */

/** Keeps tasks apart: by key, and all of them from an exclusive one. */
export interface Gate {
  shared<T>(key: string, task: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Waits for what is under way; what comes later waits for it. */
  exclusive<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export function createGate(): Gate {
  const running = new Map<string, Promise<unknown>>();
  let closed: Promise<unknown> | undefined;

  return {
    shared: async (key, task, signal) => {
      for (;;) {
        const before = closed ?? running.get(key);
        if (before === undefined) break;
        await settled([before], signal);
      }
      const promise = task();
      running.set(key, promise);
      try {
        return await promise;
      } finally {
        running.delete(key);
      }
    },
    exclusive: async (task, signal) => {
      while (closed !== undefined) await settled([closed], signal);
      const promise = (async () => {
        await settled([...running.values()], signal);
        return task();
      })();
      closed = promise;
      try {
        return await promise;
      } finally {
        closed = undefined;
      }
    },
  };
}

/** Waits until all have ended, however they do. Rejects with the signal's reason when it is aborted first. */
async function settled(promises: readonly Promise<unknown>[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let onAbort = (): void => undefined;
  const aborted = new Promise<void>((resolve) => (onAbort = resolve));
  signal.addEventListener('abort', onAbort);
  try {
    await Promise.race([Promise.allSettled(promises), aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  signal.throwIfAborted();
}

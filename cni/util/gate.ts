/*
 * INVARIANTS
 * - Any number of shared tasks run beside each other; an exclusive one runs alone.
 * - Of one key, one task runs at a time.
 */

/** Keeps tasks apart: by key, and all of them from an exclusive one. */
export interface Gate {
  shared<T>(key: string, task: () => Promise<T>): Promise<T>;
  /** Waits for what is under way; what comes later waits for it. */
  exclusive<T>(task: () => Promise<T>): Promise<T>;
}

export function createGate(): Gate {
  const running = new Map<string, Promise<unknown>>();
  let closed: Promise<unknown> | undefined;

  const settled = async (promise: Promise<unknown> | undefined): Promise<void> => {
    await promise?.catch(() => undefined);
  };

  return {
    shared: async (key, task) => {
      for (;;) {
        const before = closed ?? running.get(key);
        if (before === undefined) break;
        await settled(before);
      }
      const promise = task();
      running.set(key, promise);
      try {
        return await promise;
      } finally {
        running.delete(key);
      }
    },
    exclusive: async (task) => {
      while (closed !== undefined) await settled(closed);
      const promise = (async () => {
        await Promise.allSettled(running.values());
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

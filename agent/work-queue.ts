/*
 * INVARIANTS
 * - One run a key at a time; different keys run beside each other.
 * - A wake-up during a run causes exactly one further run, however many wake-ups there were.
 * - A delayed wake-up never postpones an earlier one.
 * - After `stop()` has resolved no run is under way and none starts.
 */

/** What a run asks for: to be run again after this many milliseconds, or not before somebody wakes the key. */
export interface RunResult {
  readonly again?: { readonly afterMs: number };
}

interface Entry {
  state: 'idle' | 'running' | 'dirty';
  running: Promise<void> | undefined;
  controller: AbortController | undefined;
  timer: NodeJS.Timeout | undefined;
  /** When the timer fires, milliseconds on a clock that nobody sets. */
  dueAt: number;
}

export interface WorkQueue {
  /** Runs `key` as soon as it is free, or after `delayMs`. */
  wake(key: string, delayMs?: number): void;
  /** Aborts the run of `key` that is under way, if any; it does not wake the key. */
  interrupt(key: string, reason: Error): void;
  /** Forgets a key: its timer is released. Called from within its own run it takes effect unless the key was woken. */
  forget(key: string): void;
  /** Aborts all runs and waits for their end. */
  stop(): Promise<void>;
}

/**
 * A queue of work by key, one worker a key, in the manner of client-go's work queue.
 *
 * @param run does the work; it must not reject (what it could not do is told by its result)
 */
export function createWorkQueue(run: (key: string, signal: AbortSignal) => Promise<RunResult>): WorkQueue {
  const entries = new Map<string, Entry>();
  let stopped = false;

  const entryOf = (key: string): Entry => {
    let entry = entries.get(key);
    if (entry === undefined) {
      entry = { state: 'idle', running: undefined, controller: undefined, timer: undefined, dueAt: Infinity };
      entries.set(key, entry);
    }
    return entry;
  };

  const clearTimer = (entry: Entry): void => {
    clearTimeout(entry.timer);
    entry.timer = undefined;
    entry.dueAt = Infinity;
  };

  const start = (key: string, entry: Entry): void => {
    clearTimer(entry);
    entry.state = 'running';
    const controller = new AbortController();
    entry.controller = controller;
    entry.running = run(key, controller.signal).then((result) => finish(key, entry, result));
  };

  const finish = (key: string, entry: Entry, result: RunResult): void => {
    const dirty = entry.state === 'dirty';
    entry.state = 'idle';
    entry.running = undefined;
    entry.controller = undefined;
    if (stopped) return;
    if (dirty) start(key, entry);
    else if (result.again !== undefined) wakeLater(key, entry, result.again.afterMs);
  };

  const wakeLater = (key: string, entry: Entry, delayMs: number): void => {
    const dueAt = performance.now() + delayMs;
    if (dueAt >= entry.dueAt) return;
    clearTimer(entry);
    entry.dueAt = dueAt;
    entry.timer = setTimeout(() => {
      wakeNow(key, entry);
    }, delayMs);
  };

  const wakeNow = (key: string, entry: Entry): void => {
    if (entry.state === 'idle') start(key, entry);
    else entry.state = 'dirty';
  };

  return {
    wake: (key, delayMs = 0) => {
      if (stopped) return;
      const entry = entryOf(key);
      if (delayMs <= 0) wakeNow(key, entry);
      else wakeLater(key, entry, delayMs);
    },
    interrupt: (key, reason) => entries.get(key)?.controller?.abort(reason),
    forget: (key) => {
      const entry = entries.get(key);
      if (entry === undefined || entry.state === 'dirty') return;
      clearTimer(entry);
      entries.delete(key);
    },
    stop: async () => {
      stopped = true;
      const running: Promise<void>[] = [];
      for (const entry of entries.values()) {
        clearTimer(entry);
        entry.controller?.abort(new Error('the daemon stops'));
        if (entry.running !== undefined) running.push(entry.running);
      }
      await Promise.all(running);
    },
  };
}

/*
 * INVARIANTS
 * - At most one run per key is under way; all who ask meanwhile get its outcome.
 * - A caller that is aborted leaves at once; the run goes on for the others.
 * - When the last caller has left, the run's signal is aborted, and the next caller starts a new run.
 */

interface Run<T> {
  readonly promise: Promise<T>;
  readonly controller: AbortController;
  callers: number;
}

/** Work that several callers want at the same time and that is done once. */
export class SharedTasks<T> {
  readonly #runs = new Map<string, Run<T>>();

  /** The outcome of `work`, or of the run of the same key that is already under way. */
  async run(key: string, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const run = this.#runs.get(key) ?? this.#start(key, work);
    run.callers += 1;
    try {
      return await untilAborted(run.promise, signal);
    } finally {
      run.callers -= 1;
      if (run.callers === 0) this.#end(key, run);
    }
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<T>): Run<T> {
    const controller = new AbortController();
    const run = { promise: work(controller.signal), controller, callers: 0 };
    this.#runs.set(key, run);
    return run;
  }

  #end(key: string, run: Run<T>): void {
    if (this.#runs.get(key) === run) this.#runs.delete(key);
    run.controller.abort(new Error(`nobody waits for ${key} any more`));
  }
}

/** The promise's outcome, or the signal's reason when it is aborted first. The promise is never left unhandled. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

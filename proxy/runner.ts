/*
 * INVARIANTS
 * - One run at a time, and at least the minimum interval from the end of one to the start of the next.
 * - What is asked for while a run is under way, or soon after it, is one further run.
 * - A run that failed is run again: with growing delays, or as soon as the next request allows. It asks for all then.
 */

import type { ProxyClock } from './clock.ts';

/** Why a run is due: something changed, all has to be written anew, or nothing was asked for a whole maximum interval. */
export type RunReason = 'change' | 'full' | 'periodic';

export interface SyncRunner {
  /** Asks for a run; at once, unless the last one has only just ended. */
  request(reason: 'change' | 'full'): void;
  /** Runs until it is aborted, and resolves when the run under way has ended. May be called once. */
  loop(signal: AbortSignal): Promise<void>;
}

export interface SyncRunnerOptions {
  readonly clock: ProxyClock;
  readonly minIntervalMs: number;
  /** Also the longest delay after failures. */
  readonly maxIntervalMs: number;
  run(reason: RunReason, signal: AbortSignal): Promise<void>;
  /** @param retryMs time until the next attempt, unless a request comes before */
  onFailure(error: unknown, retryMs: number): void;
}

/** Calls a function when asked, but not too often, with the properties of kube-proxy's `BoundedFrequencyRunner` (pkg/proxy/runner). */
export function createSyncRunner(options: SyncRunnerOptions): SyncRunner {
  const { clock, minIntervalMs, maxIntervalMs } = options;
  let pending: 'change' | 'full' | undefined;
  let nap: AbortController | undefined;

  /** Sleeps until a request, the end of the time, or the end of all. */
  const sleepUntilAsked = async (ms: number): Promise<void> => {
    const current = new AbortController();
    nap = current;
    try {
      await clock.sleep(ms, current.signal);
    } catch (error) {
      if (!current.signal.aborted) throw error;
    } finally {
      nap = undefined;
    }
  };

  const attempt = async (reason: RunReason, failures: number, signal: AbortSignal): Promise<number> => {
    try {
      await options.run(reason, signal);
      return 0;
    } catch (error) {
      if (!signal.aborted) options.onFailure(error, retryDelay(failures + 1, options));
      return failures + 1;
    }
  };

  return {
    request: (reason) => {
      if (pending !== 'full') pending = reason;
      nap?.abort();
    },
    loop: async (signal) => {
      const onAbort = (): void => nap?.abort();
      signal.addEventListener('abort', onAbort);
      for (let failures = 0; !signal.aborted;) {
        const waitMs = failures === 0 ? maxIntervalMs : retryDelay(failures, options);
        if (pending === undefined) await sleepUntilAsked(Math.max(waitMs - minIntervalMs, 0));
        if (signal.aborted) break;
        const reason = failures > 0 ? 'full' : (pending ?? 'periodic');
        pending = undefined;
        failures = await attempt(reason, failures, signal);
        if (!signal.aborted) await clock.sleep(minIntervalMs, signal).catch(() => undefined);
      }
      signal.removeEventListener('abort', onAbort);
    },
  };
}

/** From the end of a run that failed to the start of the next; the first one is twice the minimum interval. */
function retryDelay(failures: number, { minIntervalMs, maxIntervalMs }: SyncRunnerOptions): number {
  return Math.min(Math.max(minIntervalMs, 100) * 2 ** failures, maxIntervalMs);
}

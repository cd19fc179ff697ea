/** Time as the proxy sees it, injected so that tests decide what time it is. */
export interface ProxyClock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

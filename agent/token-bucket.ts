/** A token bucket: `burst` at once, and `perSecond` more each second. */
export interface TokenBucket {
  /** Takes a token. False when there is none: the caller decides whether it waits or fails. */
  tryTake(): boolean;
}

/**
 * A limit of how often something is done, full at the start.
 *
 * @param perSecond 0 for no limit
 * @param now wall clock in milliseconds
 */
export function createTokenBucket(perSecond: number, burst: number, now: () => number): TokenBucket {
  if (perSecond === 0) return { tryTake: () => true };
  let tokens = burst;
  let filledAt = now();
  return {
    tryTake: () => {
      const time = now();
      // A clock that was set back must not take tokens away.
      tokens = Math.min(burst, tokens + (Math.max(0, time - filledAt) / 1000) * perSecond);
      filledAt = time;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}

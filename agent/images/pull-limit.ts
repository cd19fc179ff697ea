/** A token bucket: `burst` pulls at once, and `perSecond` more each second. */
export interface PullLimit {
  /** Takes a token. False when there is none: the caller does not wait, it fails. */
  tryTake(): boolean;
}

/**
 * The kubelet's limit of pulls (`pkg/kubelet/images/helpers.go`, throttleImagePulling).
 *
 * @param perSecond 0 for no limit
 * @param now wall clock in milliseconds
 */
export function createPullLimit(perSecond: number, burst: number, now: () => number): PullLimit {
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

/** Longest time that a timer of Node takes, milliseconds; more would be over at once. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * Waits for the first value that `start` reports. Whatever comes first, the value, the timeout or the abort, the timer and
 * the listener are gone afterwards and what `start` began was cancelled.
 *
 * @param start begins the work; returns how to cancel it, which must be harmless after its end
 * @param onTimeout the value after `timeoutMs`
 * @throws the signal's reason when it is aborted first
 */
export async function within<T>(
  timeoutMs: number,
  signal: AbortSignal,
  onTimeout: () => T,
  start: (done: (value: T) => void) => () => void,
): Promise<T> {
  signal.throwIfAborted();
  let cleanUp = (): void => undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      const timer = setTimeout(() => resolve(onTimeout()), Math.min(timeoutMs, maxTimerMs));
      signal.addEventListener('abort', abort, { once: true });
      cleanUp = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
      };
      const cancel = start(resolve);
      const release = cleanUp;
      cleanUp = () => {
        release();
        cancel();
      };
    });
  } finally {
    cleanUp();
  }
}

/** A call that did not end within its deadline. */
export class DeadlineExceededError extends Error {
  override readonly name = 'DeadlineExceededError';
}

/**
 * Runs `run` with a signal that is aborted with `signal` or after `ms` milliseconds, whichever is first. Its timer and
 * listener are gone when `run` has settled, which `AbortSignal.any` with `AbortSignal.timeout` does not promise.
 *
 * @throws DeadlineExceededError `<what> did not end within <ms> ms`
 */
export async function withDeadline<T>(
  what: string,
  ms: number,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(() => {
    controller.abort(new DeadlineExceededError(`${what} did not end within ${ms} ms`));
  }, ms);
  try {
    return await run(controller.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

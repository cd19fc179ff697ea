import { CniError, cniErrorCode } from '../spec/error.ts';
import { asError } from './error-text.ts';

/**
 * Runs a task for each item, also behind one that failed: what cannot be reclaimed must not keep the rest.
 *
 * @throws CniError with all messages when more than one failed, what the task threw when one did; the signal's reason as
 *   soon as it is aborted
 */
export async function attemptAll<T>(
  items: readonly T[],
  signal: AbortSignal,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const failures: Error[] = [];
  for (const item of items) {
    signal.throwIfAborted();
    await task(item).catch((error: unknown) => failures.push(asError(error)));
  }
  signal.throwIfAborted();
  const [first, ...others] = failures;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  const message = failures.map((error) => error.message).join('; ');
  throw new CniError(cniErrorCode.internal, message, { cause: new AggregateError(failures) });
}

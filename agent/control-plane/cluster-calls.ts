import { messageOf } from '../../cni/index.ts';
import { JoinError } from '../bootstrap/error.ts';
import type { Clock } from '../clock.ts';

const retryMs = 500;

export interface Patience {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** What to look at when the time is over. */
  readonly advice: string;
}

/**
 * Calls until it succeeds: a control plane that has just started refuses for a while what it will soon allow.
 *
 * @param what for the error: `kube-apiserver is ready`
 * @throws JoinError with the last failure when the time is over
 */
export async function eventually<T>(
  what: string,
  { clock, timeoutMs, advice }: Patience,
  call: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const end = clock.now() + timeoutMs;
  for (;;) {
    try {
      return await call(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (clock.now() >= end) {
        const seconds = Math.round(timeoutMs / 1000);
        throw new JoinError(`not so after ${seconds} s: ${what}: ${messageOf(error)}`, advice, { cause: error });
      }
    }
    await clock.sleep(retryMs, signal);
  }
}

import { setTimeout as delay } from 'node:timers/promises';

export interface UntilOptions {
  /** Default 20. */
  readonly intervalMs?: number;
  /** Further facts for the error, asked when the time is over. */
  readonly explain?: () => string;
}

/**
 * Asks `probe` until it answers something else than undefined or false, and returns that. A probe that throws is asked
 * again.
 *
 * @param what what is waited for, for the error
 * @throws Error after `deadlineMs`; the last error of `probe` is its cause
 */
export async function until<T>(
  what: string,
  deadlineMs: number,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  { intervalMs = 20, explain = () => '' }: UntilOptions = {},
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const answer = await attempt(probe);
    if (answer.value !== undefined && answer.value !== false) return answer.value;
    if (performance.now() > deadline) {
      throw new Error(`${what}: not within ${deadlineMs} ms\n${explain()}`, { cause: answer.error });
    }
    await delay(intervalMs);
  }
}

async function attempt<T>(probe: () => T | Promise<T>): Promise<{ readonly value?: T; readonly error?: unknown }> {
  try {
    return { value: await probe() };
  } catch (error) {
    return { error };
  }
}

import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks `probe` until it answers something else than undefined or false, and returns that.
 *
 * @param what what is waited for, for the error
 * @param explain further facts for the error, asked when the time is over
 * @throws Error after `deadlineMs`; the last error of `probe` is its cause
 */
export async function until<T>(
  what: string,
  deadlineMs: number,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  explain: () => string | Promise<string> = () => '',
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const answer = await attempt(probe);
    if (answer.value !== undefined && answer.value !== false) return answer.value;
    if (performance.now() > deadline) {
      throw new Error(`${what}: not within ${deadlineMs} ms\n${await explain()}`, { cause: answer.error });
    }
    await delay(20);
  }
}

async function attempt<T>(probe: () => T | Promise<T>): Promise<{ readonly value?: T; readonly error?: unknown }> {
  try {
    return { value: await probe() };
  } catch (error) {
    return { error };
  }
}

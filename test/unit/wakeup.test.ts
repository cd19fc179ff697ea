import { expect, test } from 'vitest';
import { createWakeup } from '../../agent/wakeup.ts';
import type { Clock } from '../../agent/clock.ts';

/** A clock on which nothing but an abort ends a sleep. */
const stopped: Clock = {
  now: () => 0,
  sleep: (_ms, signal) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(new Error('aborted')));
    }),
};

test('a wake-up ends the sleep', async () => {
  const wakeup = createWakeup(stopped);
  const sleep = wakeup.sleep(1, new AbortController().signal);
  wakeup.wake();
  await expect(sleep).resolves.toBeUndefined();
});

test('a wake-up before the sleep ends it once', async () => {
  const wakeup = createWakeup(stopped);
  const controller = new AbortController();
  wakeup.wake();
  wakeup.wake();
  await wakeup.sleep(1, controller.signal);
  const second = wakeup.sleep(1, controller.signal);
  controller.abort(new Error('over'));
  await expect(second).rejects.toThrow('over');
});

test('an abort before the sleep ends it with the reason', async () => {
  await expect(createWakeup(stopped).sleep(1, AbortSignal.abort(new Error('over')))).rejects.toThrow('over');
});

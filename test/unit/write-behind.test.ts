import { expect, test } from 'vitest';
import type { Clock } from '../../agent/clock.ts';
import { createWriteBehind } from '../../agent/write-behind.ts';

const forever = 2 ** 31 - 1;

/** Sleeps are noted; each ends when the test says so, or with its signal. */
function handClock() {
  const sleeps: number[] = [];
  let end = (): void => undefined;
  const sleep: Clock['sleep'] = (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(new Error('aborted'));
      sleeps.push(ms);
      end = resolve;
      signal?.addEventListener('abort', () => reject(new Error('aborted')));
    });
  const asleep = async (count: number): Promise<void> => {
    while (sleeps.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock: { now: () => 0, sleep }, sleeps, asleep, wake: () => end() };
}

function start(write: () => void) {
  const hand = handClock();
  const errors: unknown[] = [];
  const controller = new AbortController();
  const behind = createWriteBehind({
    ...{ clock: hand.clock, gatherMs: 7, write: async () => Promise.resolve(write()) },
    onError: (error) => errors.push(error),
  });
  const running = behind.run(controller.signal);
  const stop = (): Promise<void> => {
    controller.abort();
    return running;
  };
  return { ...hand, ...behind, errors, stop };
}

test('changes are gathered, and written once', async () => {
  let writes = 0;
  const { asleep, changed, sleeps, stop, wake } = start(() => (writes += 1));
  await asleep(1);
  changed();
  await asleep(2);
  changed();
  expect(writes).toBe(0);
  wake();
  await asleep(3);
  expect([writes, sleeps]).toEqual([1, [forever, 7, 7]]);
  await stop();
  expect(writes).toBe(1);
});

test('what is left is written at the end', async () => {
  let writes = 0;
  const { asleep, changed, stop } = start(() => (writes += 1));
  await asleep(1);
  changed();
  await stop();
  expect(writes).toBe(1);
});

test('a failed write is told and tried again', async () => {
  const failures = [new Error('disk full')];
  const { asleep, changed, errors, sleeps, stop, wake } = start(() => {
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
  });
  await asleep(1);
  changed();
  await asleep(2);
  wake();
  await asleep(3);
  expect([errors, sleeps]).toEqual([[new Error('disk full')], [forever, 7, 60_000]]);
  wake();
  await asleep(4);
  wake();
  await asleep(5);
  expect([errors.length, sleeps.at(-1)]).toEqual([1, forever]);
  await stop();
});

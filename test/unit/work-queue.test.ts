import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createWorkQueue, type RunResult } from '../../agent/work-queue.ts';

interface Gate {
  readonly key: string;
  readonly signal: AbortSignal;
  finish(result?: RunResult): Promise<void>;
}

/** A queue whose runs end when the test says so. */
function gatedQueue() {
  const runs: Gate[] = [];
  const queue = createWorkQueue(
    (key, signal) =>
      new Promise<RunResult>((resolve) => {
        runs.push({
          key,
          signal,
          finish: async (result = {}) => {
            resolve(result);
            await vi.advanceTimersByTimeAsync(0);
          },
        });
      }),
  );
  return { queue, runs, keys: () => runs.map(({ key }) => key) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('work queue', () => {
  test('runs keys beside each other, and one key once at a time', async () => {
    const { queue, runs, keys } = gatedQueue();
    queue.wake('a');
    queue.wake('b');
    queue.wake('a');
    queue.wake('a');
    expect(keys()).toEqual(['a', 'b']);
    await runs[0]?.finish();
    expect(keys()).toEqual(['a', 'b', 'a']);
    await runs[2]?.finish();
    expect(keys()).toEqual(['a', 'b', 'a']);
  });

  test('runs again when the run asks for it, and at once when somebody wakes it before', async () => {
    const { queue, runs, keys } = gatedQueue();
    queue.wake('a');
    await runs[0]?.finish({ again: { afterMs: 1000 } });
    await vi.advanceTimersByTimeAsync(999);
    expect(keys()).toEqual(['a']);
    await vi.advanceTimersByTimeAsync(1);
    expect(keys()).toEqual(['a', 'a']);
    await runs[1]?.finish({ again: { afterMs: 1000 } });
    queue.wake('a');
    expect(keys().length).toBe(3);
    await runs[2]?.finish();
    await vi.advanceTimersByTimeAsync(5000);
    expect(keys().length).toBe(3);
  });

  test('a delayed wake-up never postpones an earlier one', async () => {
    const { queue, keys } = gatedQueue();
    queue.wake('a', 100);
    queue.wake('a', 5000);
    await vi.advanceTimersByTimeAsync(100);
    expect(keys()).toEqual(['a']);
  });

  test('nor does it when the clock is set back', async () => {
    const { queue, keys } = gatedQueue();
    queue.wake('a', 100);
    vi.setSystemTime(Date.now() - 3_600_000);
    queue.wake('a', 5000);
    await vi.advanceTimersByTimeAsync(100);
    expect(keys()).toEqual(['a']);
  });

  test('interrupt aborts the run that is under way with its reason', () => {
    const { queue, runs } = gatedQueue();
    const reason = new Error('not wanted');
    queue.interrupt('a', reason);
    queue.wake('a');
    queue.interrupt('a', reason);
    expect(runs[0]?.signal.reason).toBe(reason);
  });

  test('forget releases the timer', async () => {
    const { queue, keys } = gatedQueue();
    queue.wake('a', 100);
    queue.forget('a');
    await vi.advanceTimersByTimeAsync(1000);
    expect(keys()).toEqual([]);
  });

  test('stop aborts what runs, waits for it, and lets nothing start', async () => {
    const { queue, runs, keys } = gatedQueue();
    queue.wake('a');
    queue.wake('b', 10);
    let stopped = false;
    const stopping = queue.stop().then(() => (stopped = true));
    expect(runs[0]?.signal.aborted).toBe(true);
    expect(stopped).toBe(false);
    await runs[0]?.finish({ again: { afterMs: 1 } });
    await stopping;
    queue.wake('c');
    await vi.advanceTimersByTimeAsync(100);
    expect(keys()).toEqual(['a']);
  });
});

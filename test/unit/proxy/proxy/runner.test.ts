import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSyncRunner, type SyncRunner } from '../../../../proxy/runner.ts';
import { createFakeClock, type FakeClock } from '../../probes/fake-clock.ts';

const SECOND = 1_000;

describe('the runner', () => {
  let clock: FakeClock;
  let runs: string[];
  let failures: string[];
  let failing: boolean;
  let tookMs: number;
  let runner: SyncRunner;
  let stop: AbortController;
  let ended: Promise<void>;

  beforeEach(async () => {
    [runs, failures, failing, tookMs] = [[], [], false, 0];
    clock = createFakeClock(0);
    stop = new AbortController();
    runner = createSyncRunner({
      clock,
      minIntervalMs: SECOND,
      maxIntervalMs: 30 * SECOND,
      run: async (reason) => {
        runs.push(`${clock.now()} ${reason}`);
        if (tookMs > 0) await clock.sleep(tookMs);
        if (failing) throw new Error('refused');
      },
      onFailure: (error, retryMs) => failures.push(`${(error as Error).message}, again in ${retryMs}`),
    });
    ended = runner.loop(stop.signal);
    await clock.advance(0);
  });

  afterEach(async () => {
    stop.abort();
    await clock.advance(60 * SECOND);
    await ended;
  });

  test('runs at once after a quiet time', async () => {
    await clock.advance(5 * SECOND);
    runner.request('change');
    await clock.advance(0);
    expect(runs).toEqual(['5000 change']);
  });

  test('folds what comes soon after a run into one', async () => {
    runner.request('change');
    await clock.advance(100);
    for (let index = 0; index < 9; index += 1) {
      runner.request('change');
      await clock.advance(50);
    }
    await clock.advance(3 * SECOND);
    expect(runs).toEqual(['0 change', '1000 change']);
  });

  test('runs once more for what comes during a run, after the minimum time', async () => {
    tookMs = 4 * SECOND;
    runner.request('change');
    await clock.advance(SECOND);
    runner.request('change');
    await clock.advance(3 * SECOND);
    expect(runs).toEqual(['0 change']);
    await clock.advance(SECOND);
    expect(runs).toEqual(['0 change', '5000 change']);
  });

  test('a change does not take back that all was asked for', async () => {
    runner.request('full');
    runner.request('change');
    await clock.advance(0);
    expect(runs).toEqual(['0 full']);
  });

  test('runs periodically when nothing is asked for', async () => {
    await clock.advance(60 * SECOND);
    expect(runs).toEqual(['29000 periodic', '59000 periodic']);
  });

  test('tries again with growing delays, and asks for all', async () => {
    failing = true;
    runner.request('change');
    await clock.advance(15 * SECOND);
    expect(runs).toEqual(['0 change', '2000 full', '6000 full', '14000 full']);
    expect(failures.slice(0, 2)).toEqual(['refused, again in 2000', 'refused, again in 4000']);
    failing = false;
    await clock.advance(16 * SECOND);
    runner.request('change');
    await clock.advance(2 * SECOND);
    expect(runs.slice(4)).toEqual(['30000 full', '31000 change']);
  });

  test('waits no longer than the maximum after failures', async () => {
    failing = true;
    runner.request('change');
    await clock.advance(600 * SECOND);
    expect(failures.at(-1)).toBe('refused, again in 30000');
  });

  test('a request comes before the retry', async () => {
    failing = true;
    runner.request('change');
    await clock.advance(10 * SECOND);
    runner.request('change');
    await clock.advance(0);
    expect(runs.at(-1)).toBe('10000 full');
  });

  test('ends while it sleeps, and runs no more', async () => {
    stop.abort();
    await ended;
    runner.request('change');
    await clock.advance(60 * SECOND);
    expect(runs).toEqual([]);
  });

  test('a run under way ends before the loop does, and its failure is not told', async () => {
    failing = true;
    tookMs = SECOND;
    runner.request('change');
    await clock.advance(0);
    stop.abort();
    let isOver = false;
    void ended.then(() => (isOver = true));
    await clock.advance(500);
    expect(isOver).toBe(false);
    await clock.advance(500);
    expect(isOver).toBe(true);
    expect(failures).toEqual([]);
  });
});

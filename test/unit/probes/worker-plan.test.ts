import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outcome, ProbeKind, ProbeResult } from '../../../agent/probes/types.ts';
import {
  decide,
  firstRunDelay,
  initialState,
  nextDue,
  released,
  type WorkerState,
} from '../../../agent/probes/worker-plan.ts';

const outcomes: Readonly<Record<string, Outcome>> = {
  S: { result: 'success' },
  W: { result: 'warning', message: 'redirected' },
  F: { result: 'failure', message: 'broken' },
  E: { result: 'error', message: 'no answer' },
};

function play(kind: ProbeKind, runs: string, success: number, failure: number, from = initialState(kind, undefined)) {
  const thresholds = { success, failure };
  return runs.split('').reduce<WorkerState>((state, run) => decide(state, kind, thresholds, outcomes[run]!), from);
}

describe('initial verdict', () => {
  const rows: readonly [ProbeKind, Parameters<typeof initialState>[1], ProbeResult, boolean][] = [
    ['readiness', undefined, 'failure', false],
    ['readiness', { started: true, ready: false }, 'failure', false],
    ['readiness', { started: true, ready: true }, 'success', false],
    ['liveness', undefined, 'success', false],
    ['liveness', { started: true, ready: false }, 'success', false],
    ['startup', undefined, 'unknown', false],
    ['startup', { started: false, ready: false }, 'unknown', false],
    ['startup', { started: true, ready: false }, 'success', true],
  ];
  test.each(rows)('%s after %o is %s, on hold %s', (kind, previous, verdict, onHold) => {
    expect(initialState(kind, previous)).toEqual({ verdict, last: undefined, streak: 0, onHold });
  });
});

describe('verdict after runs', () => {
  const rows: readonly [ProbeKind, string, number, number, ProbeResult, boolean][] = [
    ['readiness', 'S', 1, 3, 'success', false],
    ['readiness', 'W', 1, 3, 'success', false],
    ['readiness', 'S', 2, 3, 'failure', false],
    ['readiness', 'SS', 2, 3, 'success', false],
    ['readiness', 'SFS', 2, 3, 'failure', false],
    ['readiness', 'SFF', 1, 3, 'success', false],
    ['readiness', 'SFFSFF', 1, 3, 'success', false],
    ['readiness', 'SFFF', 1, 3, 'failure', false],
    ['readiness', 'SFFFS', 1, 3, 'success', false],
    ['readiness', 'EEEE', 1, 1, 'failure', false],
    ['readiness', 'SFEF', 1, 2, 'failure', false],
    ['liveness', 'FF', 1, 3, 'success', false],
    ['liveness', 'FFF', 1, 3, 'failure', true],
    ['liveness', 'FFFS', 1, 3, 'failure', true],
    ['liveness', 'SSSS', 1, 3, 'success', false],
    ['liveness', 'EEE', 1, 1, 'success', false],
    ['startup', 'F', 1, 3, 'unknown', false],
    ['startup', 'FFF', 1, 3, 'failure', true],
    ['startup', 'FFS', 1, 3, 'success', true],
    ['startup', 'SF', 1, 1, 'success', true],
  ];
  test.each(rows)(
    '%s %s with thresholds %i and %i is %s, on hold %s',
    (kind, runs, success, failure, verdict, onHold) => {
      const state = play(kind, runs, success, failure);
      expect({ verdict: state.verdict, onHold: state.onHold }).toEqual({ verdict, onHold });
    },
  );

  test('a pod that was ready before a restart stays so until the failure threshold is met', () => {
    const before = initialState('readiness', { started: true, ready: true });
    expect(play('readiness', 'FF', 1, 3, before).verdict).toBe('success');
    expect(play('readiness', 'FFF', 1, 3, before).verdict).toBe('failure');
  });

  test('what is released never changes', () => {
    expect(play('liveness', 'FFFF', 1, 1, released)).toBe(released);
  });
});

describe('laws of the verdict', () => {
  const kind = fc.constantFrom<ProbeKind>('startup', 'liveness', 'readiness');
  const runs = fc.array(fc.constantFrom('S', 'W', 'F', 'E'), { maxLength: 40 });
  const threshold = fc.integer({ min: 1, max: 5 });

  test('it is that of the last streak as long as its threshold, up to the first hold', () => {
    fc.assert(
      fc.property(kind, runs, threshold, threshold, (k, list, success, failure) => {
        const results = list.filter((run) => run !== 'E').map((run) => (run === 'F' ? 'failure' : 'success'));
        let expected = initialState(k, undefined).verdict;
        for (let end = 1; end <= results.length; end += 1) {
          const last = results[end - 1]!;
          const needed = last === 'failure' ? failure : success;
          const tail = results.slice(Math.max(0, end - needed), end);
          if (tail.length < needed || tail.some((result) => result !== last)) continue;
          expected = last;
          if (k === 'startup' || (k === 'liveness' && last === 'failure')) break;
        }
        expect(play(k, list.join(''), success, failure).verdict).toBe(expected);
      }),
    );
  });

  test('errors change nothing', () => {
    fc.assert(
      fc.property(kind, runs, threshold, threshold, (k, list, success, failure) => {
        const without = list.filter((run) => run !== 'E');
        expect(play(k, list.join(''), success, failure)).toEqual(play(k, without.join(''), success, failure));
      }),
    );
  });
});

describe('next run', () => {
  test.each([
    ['on time', 1000, 100, 1000, 1100],
    ['a little late', 1000, 100, 1007, 1100],
    ['after a slow run', 1000, 100, 1250, 1300],
    ['at the very moment of the next one', 1000, 100, 1100, 1200],
    ['before it was due', 1000, 100, 990, 1100],
  ])('%s', (_, dueAt, periodMs, now, expected) => {
    expect(nextDue(dueAt, periodMs, now)).toBe(expected);
  });

  test('is in the future, within a period, on the grid', () => {
    const natural = fc.integer({ min: 0, max: 1e9 });
    fc.assert(
      fc.property(natural, fc.integer({ min: 1, max: 100 }), natural, (dueAt, seconds, late) => {
        const [periodMs, now] = [seconds * 1000, dueAt + late];
        const next = nextDue(dueAt, periodMs, now);
        expect(next).toBeGreaterThan(now);
        expect(next - now).toBeLessThanOrEqual(periodMs);
        expect((next - dueAt) % periodMs).toBe(0);
      }),
    );
  });
});

describe('first run', () => {
  const base = {
    now: 50_000,
    daemonStartedAt: 10_000,
    containerStartedAt: 50_000,
    initialDelayMs: 0,
    periodMs: 8_000,
    random: 0.25,
  };
  test.each([
    ['at once', {}, 0],
    ['after the initial delay', { initialDelayMs: 3_000 }, 3_000],
    ['after the rest of the initial delay', { initialDelayMs: 3_000, containerStartedAt: 48_000 }, 1_000],
    ['at once when the initial delay is over', { initialDelayMs: 3_000, containerStartedAt: 20_000 }, 0],
    ['spread when the container is older than the daemon', { containerStartedAt: 9_000 }, 2_000],
    ['spread after the initial delay', { now: 10_000, containerStartedAt: 9_000, initialDelayMs: 3_000 }, 4_000],
    [
      'not later than the initial delay by a clock that was set back',
      { initialDelayMs: 3_000, containerStartedAt: 99_000 },
      3_000,
    ],
  ])('%s', (_, extra, expected) => {
    expect(firstRunDelay({ ...base, ...extra })).toBe(expected);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgePressure, noPressure, type PressureHistory } from '../../../agent/eviction/pressure.ts';
import type { Signal } from '../../../agent/eviction/signals.ts';
import { parseThresholds, type Threshold, type ThresholdConfig } from '../../../agent/eviction/thresholds.ts';

const second = 1000;
const capacity = 1000;

function thresholdsOf(config: ThresholdConfig): readonly Threshold[] {
  return parseThresholds({ evictionHard: {}, enforceNodeAllocatable: [], ...config }).thresholds;
}

interface Moment {
  /** Seconds since the start. */
  readonly at: number;
  /** What is left of 1000; a signal that is not here was not measured. */
  readonly left: Partial<Record<Signal, number>>;
}

/** The conditions and the signals to act on at each of the moments. */
function story(thresholds: readonly Threshold[], moments: readonly Moment[], transitionSeconds = 300): string[] {
  let history: PressureHistory = noPressure;
  return moments.map(({ at, left }) => {
    const observations = new Map(
      Object.entries(left).map(([signal, available]) => [signal as Signal, { available, capacity }]),
    );
    const input = { thresholds, observations, history, now: at * second, transitionMs: transitionSeconds * second };
    const pressure = judgePressure(input);
    ({ history } = pressure);
    const acts = pressure.actOn.map(({ signal, graceMs }) => (graceMs === 0 ? signal : `${signal} (soft)`));
    return `${at}s: ${[...pressure.conditions, ...acts].join(' ')}`.trim();
  });
}

describe('pressure', () => {
  test('nothing is met', () => {
    const thresholds = thresholdsOf({ evictionHard: { 'memory.available': '100', 'nodefs.available': '10%' } });
    expect(story(thresholds, [{ at: 0, left: { 'memory.available': 100, 'nodefs.available': 100 } }])).toEqual(['0s:']);
  });

  test('a signal that was not measured is not met', () => {
    expect(story(thresholdsOf({ evictionHard: { 'memory.available': '100' } }), [{ at: 0, left: {} }])).toEqual([
      '0s:',
    ]);
  });

  test('a hard threshold is acted on at once, and the condition stays for the transition period', () => {
    const thresholds = thresholdsOf({ evictionHard: { 'nodefs.available': '10%' } });
    expect(
      story(thresholds, [
        { at: 0, left: { 'nodefs.available': 99 } },
        { at: 10, left: { 'nodefs.available': 100 } },
        { at: 299, left: { 'nodefs.available': 900 } },
        { at: 300, left: { 'nodefs.available': 900 } },
      ]),
    ).toEqual(['0s: DiskPressure nodefs.available', '10s: DiskPressure', '299s: DiskPressure', '300s:']);
  });

  test('a soft threshold shows at once, is acted on after its grace period, and waits anew when it was gone', () => {
    const thresholds = thresholdsOf({
      evictionSoft: { 'memory.available': '200' },
      evictionSoftGracePeriod: { 'memory.available': '1m' },
    });
    const [low, high] = [{ 'memory.available': 199 }, { 'memory.available': 200 }];
    expect(
      story(
        thresholds,
        [
          { at: 0, left: low },
          { at: 50, left: high },
          { at: 60, left: low },
          { at: 119, left: low },
          { at: 120, left: low },
        ],
        20,
      ),
    ).toEqual([
      '0s: MemoryPressure',
      '50s:',
      '60s: MemoryPressure',
      '119s: MemoryPressure',
      '120s: MemoryPressure memory.available (soft)',
    ]);
  });

  test('what was acted on is met until its minimum is reclaimed', () => {
    const thresholds = thresholdsOf({
      evictionHard: { 'imagefs.available': '100' },
      evictionMinimumReclaim: { 'imagefs.available': '5%' },
    });
    expect(
      story(
        thresholds,
        [
          { at: 0, left: { 'imagefs.available': 149 } },
          { at: 10, left: { 'imagefs.available': 99 } },
          { at: 20, left: { 'imagefs.available': 149 } },
          { at: 30, left: { 'imagefs.available': 150 } },
        ],
        1,
      ),
    ).toEqual(['0s:', '10s: DiskPressure imagefs.available', '20s: DiskPressure imagefs.available', '30s:']);
  });

  test('memory comes first, and conditions are named once, in order', () => {
    const evictionHard = {
      'pid.available': '10',
      'nodefs.available': '10',
      'imagefs.available': '10',
      'memory.available': '10',
    };
    const left = { 'pid.available': 1, 'nodefs.available': 1, 'imagefs.available': 1, 'memory.available': 1 };
    expect(story(thresholdsOf({ evictionHard }), [{ at: 0, left }])).toEqual([
      '0s: DiskPressure MemoryPressure PIDPressure memory.available pid.available nodefs.available imagefs.available',
    ]);
  });

  test('law: what is acted on was met for its grace period, without a break', () => {
    const grace = 30;
    const thresholds = thresholdsOf({
      evictionSoft: { 'memory.available': '500' },
      evictionSoftGracePeriod: { 'memory.available': `${grace}s` },
    });
    const moment = fc.record({ wait: fc.integer({ min: 1, max: 20 }), left: fc.integer({ min: 400, max: 600 }) });
    fc.assert(
      fc.property(fc.array(moment, { maxLength: 30 }), (steps) => {
        let at = 0;
        const moments = steps.map(({ wait, left }) => ({ at: (at += wait), left: { 'memory.available': left } }));
        story(thresholds, moments).forEach((line, index) => {
          const broken = moments.slice(0, index + 1).findLastIndex(({ left }) => left['memory.available'] >= 500);
          const since = moments[broken + 1]?.at ?? Infinity;
          const isDue = broken < index && (moments[index]?.at ?? 0) - since >= grace;
          expect(line.includes('(soft)')).toBe(isDue);
        });
      }),
    );
  });
});

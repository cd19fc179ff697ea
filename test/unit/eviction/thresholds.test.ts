import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  defaultEvictionHard,
  parseThresholds,
  type Threshold,
  type ThresholdConfig,
} from '../../../agent/eviction/thresholds.ts';

/** Thresholds as `signal < value`, the way the kubelet's flags write them. */
function texts(config: ThresholdConfig): readonly string[] {
  return parseThresholds({ enforceNodeAllocatable: [], ...config }).thresholds.map(text);
}

function text({ signal, value, graceMs, minReclaim }: Threshold): string {
  const show = (shown: Threshold['value']): string => ('amount' in shown ? shown.text : `${shown.fraction * 100}%`);
  const grace = graceMs === 0 ? '' : ` for ${graceMs} ms`;
  return `${signal}<${show(value)}${grace}${minReclaim === undefined ? '' : ` +${show(minReclaim)}`}`;
}

function problems(config: ThresholdConfig): readonly string[] {
  return parseThresholds(config).problems.map(({ field, signal, message }) => `${field}[${signal}] ${message}`);
}

describe('thresholds', () => {
  test.each<readonly [what: string, config: ThresholdConfig, expected: readonly string[]]>([
    [
      'the defaults when nothing is said',
      {},
      [
        'memory.available<100Mi',
        'nodefs.available<10%',
        'nodefs.inodesFree<5%',
        'imagefs.available<15%',
        'imagefs.inodesFree<5%',
      ],
    ],
    ['none of the defaults when something is said', { evictionHard: { 'pid.available': '1k' } }, ['pid.available<1k']],
    ['none at all', { evictionHard: {} }, []],
    [
      'both when they are to be merged, the given one first',
      { evictionHard: { 'memory.available': '1Gi', 'pid.available': '10%' }, mergeDefaultEvictionSettings: true },
      [
        'memory.available<1Gi',
        'nodefs.available<10%',
        'nodefs.inodesFree<5%',
        'imagefs.available<15%',
        'imagefs.inodesFree<5%',
        'pid.available<10%',
      ],
    ],
    ['0% and 100% switch off', { evictionHard: { 'memory.available': '0%', 'nodefs.available': '100%' } }, []],
    [
      'soft ones wait, and what is to be reclaimed is on both',
      {
        evictionHard: { 'nodefs.available': '1Gi' },
        evictionSoft: { 'nodefs.available': '12.5%' },
        evictionSoftGracePeriod: { 'nodefs.available': '1m30s' },
        evictionMinimumReclaim: { 'nodefs.available': '500Mi' },
      },
      ['nodefs.available<1Gi +500Mi', 'nodefs.available<12.5% for 90000 ms +500Mi'],
    ],
    [
      'for the cgroup of all pods, when it is limited',
      { evictionHard: { 'memory.available': '100Mi' }, enforceNodeAllocatable: ['pods'] },
      ['memory.available<100Mi', 'allocatableMemory.available<100Mi'],
    ],
    ['of containerfs say nothing of their own', { evictionHard: { 'containerfs.available': '10%' } }, []],
  ])('%s', (_, config, expected) => {
    expect(problems(config)).toEqual([]);
    expect(texts(config)).toEqual(expected);
  });
});

describe('problems', () => {
  test.each<readonly [ThresholdConfig, string]>([
    [
      { evictionHard: { 'disk.free': '1Gi' } },
      'evictionHard[disk.free] "disk.free" is no eviction signal such as memory.available',
    ],
    ...['', 'much', '-1Gi', '0', '101%', '-5%', '5 %'].map((value): readonly [ThresholdConfig, string] => [
      { evictionHard: { 'memory.available': value } },
      `evictionHard[memory.available] must be a quantity above 0 or a percentage up to 100%, not ${JSON.stringify(value)}`,
    ]),
    [
      { evictionSoft: { 'memory.available': '1Gi' } },
      'evictionSoft[memory.available] a grace period for it must be in evictionSoftGracePeriod',
    ],
    [
      { evictionSoftGracePeriod: { 'memory.available': '90' } },
      'evictionSoftGracePeriod[memory.available] must be a duration such as 1m30s, not "90"',
    ],
    [
      { evictionSoftGracePeriod: { 'memory.available': '-1s' } },
      'evictionSoftGracePeriod[memory.available] must be a duration such as 1m30s, not "-1s"',
    ],
    [
      { evictionMinimumReclaim: { 'memory.available': '0%' } },
      'evictionMinimumReclaim[memory.available] must be a quantity, or a percentage above 0%, not "0%"',
    ],
  ])('%j', (config, expected) => expect(problems(config)).toEqual([expected]));

  test('no text is taken for a threshold that is none: it has an amount, or a part of the capacity', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{1,6}(%|Mi|k)?$/)), (value) => {
        const parsed = parseThresholds({ evictionHard: { 'nodefs.available': value } });
        for (const threshold of parsed.thresholds) {
          const amount = 'amount' in threshold.value ? threshold.value.amount : threshold.value.fraction;
          expect(amount).toBeGreaterThanOrEqual(0);
          if ('fraction' in threshold.value) expect(amount).toBeLessThanOrEqual(1);
        }
        expect(parsed.thresholds.length + parsed.problems.length).toBe(value === '0%' || value === '100%' ? 0 : 1);
      }),
    );
  });

  test('the defaults have none', () => expect(problems({ evictionHard: defaultEvictionHard })).toEqual([]));
});

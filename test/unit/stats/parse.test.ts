import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { amountLeft, parseLimit, parseMemoryStat, parseProcesses, workingSet } from '../../../agent/stats/parse.ts';

test('memory.stat is read by field', () => {
  expect(parseMemoryStat('cache 12\nrss 0\ntotal_inactive_file 7\n')).toEqual(
    new Map([
      ['cache', 12],
      ['rss', 0],
      ['total_inactive_file', 7],
    ]),
  );
});

test.each<readonly [string, number | undefined]>([
  ['max\n', undefined],
  ['9223372036854771712\n', undefined],
  ['104857600\n', 104_857_600],
  ['0\n', 0],
])('limit %j', (text, expected) => expect(parseLimit(text)).toBe(expected));

test.each<readonly [string, number | undefined]>([
  ['7.49 12.90 9.33 5/158 14371\n', 158],
  ['0.00 0.01 0.05 1/80 2\n', 80],
  ['', undefined],
  ['much', undefined],
])('processes of %j', (text, expected) => expect(parseProcesses(text)).toBe(expected));

describe('amounts', () => {
  test('page cache that nobody touches is no use', () => expect(workingSet(100, 30)).toBe(70));

  test('law: never below nothing, never more than there is', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), (capacity, usage, inactive) => {
        const { available } = amountLeft(capacity, workingSet(usage, inactive));
        expect(available).toBeGreaterThanOrEqual(0);
        expect(available).toBeLessThanOrEqual(capacity);
      }),
    );
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { workingSet } from '../../../agent/cgroups/memory-parse.ts';
import { amountLeft, parseProcesses } from '../../../agent/stats/parse.ts';

test.each<readonly [string, number | undefined]>([
  ['7.49 12.90 9.33 5/158 14371\n', 158],
  ['0.00 0.01 0.05 1/80 2\n', 80],
  ['', undefined],
  ['much', undefined],
])('processes of %j', (text, expected) => expect(parseProcesses(text)).toBe(expected));

test('law: an amount is never below nothing, never more than there is', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.nat(), (capacity, usage, inactive) => {
      const { available } = amountLeft(capacity, workingSet(usage, inactive));
      expect(available).toBeGreaterThanOrEqual(0);
      expect(available).toBeLessThanOrEqual(capacity);
    }),
  );
});

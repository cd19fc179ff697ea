import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../../agent/config/duration.ts';

describe('parseDuration', () => {
  it.each([
    ['20s', 20_000],
    ['1m30s', 90_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['1.s', 1_000],
    ['2h45m', 9_900_000],
    ['100ms', 100],
    ['3us', 0.003],
    ['3µs', 0.003],
    ['3μs', 0.003],
    ['0', 0],
    ['0s', 0],
    ['-1s', -1_000],
    ['+1s', 1_000],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', '20', '1', 's', '1 s', '1d', '1m 30s', '.s', '--1s', '1s1', 'abc', '1e3s', '０s'])(
    '%j is no duration',
    (text) => expect(parseDuration(text)).toBeUndefined(),
  );

  it('adds up the parts, in any order', () => {
    const sizes = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;
    const part = fc.tuple(fc.nat(999), fc.constantFrom('h', 'm', 's', 'ms'));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const text = parts.map(([value, unit]) => `${value}${unit}`).join('');
        expect(parseDuration(text)).toBe(parts.reduce((sum, [value, unit]) => sum + value * sizes[unit], 0));
      }),
    );
  });

  it('never throws, and never gives NaN', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseDuration(text)).not.toBeNaN();
      }),
    );
  });
});

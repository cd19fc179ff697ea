import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { milliValue, parseQuantity, unitValue } from '../../../agent/objects/index.ts';

describe('a quantity', () => {
  test.each([
    ['0', 0, 0],
    ['1', 1_000, 1],
    ['100m', 100, 1],
    ['0.5', 500, 1],
    ['.5', 500, 1],
    ['1.', 1_000, 1],
    ['1500m', 1_500, 2],
    ['1n', 1, 1],
    ['1u', 1, 1],
    ['2001u', 3, 1],
    ['1k', 1e6, 1e3],
    ['1M', 1e9, 1e6],
    ['1G', 1e12, 1e9],
    ['1T', 1e15, 1e12],
    ['1P', 1e18, 1e15],
    ['1E', 1e21, 1e18],
    ['1Ki', 1_024_000, 1_024],
    ['1Mi', 1_048_576_000, 1_048_576],
    ['1Gi', 2 ** 30 * 1_000, 2 ** 30],
    ['1Ti', 2 ** 40 * 1_000, 2 ** 40],
    ['1Pi', 2 ** 50 * 1_000, 2 ** 50],
    ['1Ei', 2 ** 60 * 1_000, 2 ** 60],
    ['0.5Ki', 512_000, 512],
    ['1e3', 1e6, 1e3],
    ['1E3', 1e6, 1e3],
    ['12e-1', 1_200, 2],
    ['1e+2', 1e5, 100],
    ['+5', 5_000, 5],
    ['-5', -5_000, -5],
    ['1e1000000000', Number((2n ** 63n - 1n) * 1000n), Number(2n ** 63n - 1n)],
    ['1e-1000000000', 1, 1],
    ['0e1000000000', 0, 0],
  ])('%s is %d thousandths and %d units', (text, milli, units) => {
    const quantity = parseQuantity(text);
    expect(quantity === undefined ? undefined : [milliValue(quantity), unitValue(quantity)]).toEqual([milli, units]);
  });

  test.each([
    '',
    ' 1',
    '1 ',
    'm',
    '1mm',
    '1ki',
    '1KI',
    '1Kb',
    '1e',
    '1e1.5',
    '--1',
    '1,5',
    '0x10',
    'Infinity',
    '.',
    '9'.repeat(129),
  ])('%j is none', (text) => expect(parseQuantity(text)).toBeUndefined());

  test('numbers of a manifest are read like their text', () => {
    expect([parseQuantity(0.25), parseQuantity(2), parseQuantity(1e21)]).toEqual([
      parseQuantity('250m'),
      parseQuantity('2'),
      parseQuantity('1e21'),
    ]);
  });

  test('suffixes multiply whole numbers exactly', () => {
    const suffixes = [
      ['n', 1n],
      ['u', 10n ** 3n],
      ['m', 10n ** 6n],
      ['', 10n ** 9n],
      ['k', 10n ** 12n],
      ['M', 10n ** 15n],
      ['Ki', 1024n * 10n ** 9n],
      ['Mi', 1024n ** 2n * 10n ** 9n],
      ['Gi', 1024n ** 3n * 10n ** 9n],
    ] as const;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), fc.constantFrom(...suffixes), (count, [suffix, nanos]) => {
        expect(parseQuantity(`${count}${suffix}`)).toBe(BigInt(count) * nanos);
      }),
    );
  });

  test('exponents and decimal points agree', () => {
    fc.assert(
      fc.property(fc.integer({ min: -999_999, max: 999_999 }), fc.integer({ min: 0, max: 6 }), (digits, places) => {
        const sign = digits < 0 ? '-' : '';
        const padded = String(Math.abs(digits)).padStart(places + 1, '0');
        const decimal = `${sign}${padded.slice(0, padded.length - places)}.${padded.slice(padded.length - places)}`;
        expect(parseQuantity(decimal)).toBe(parseQuantity(`${digits}e-${places}`));
      }),
    );
  });

  test('any text is a quantity or none', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'0123456789.+-eEkKMGiTPmnu '.split('')) }),
        (text) => void parseQuantity(text),
      ),
    );
  });
});

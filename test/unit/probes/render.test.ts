import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutText, describeNetworkError, formatSeconds, formatUrl } from '../../../agent/probes/render.ts';

test.each([
  [1_000, '1s'],
  [60_000, '1m0s'],
  [90_000, '1m30s'],
  [3_600_000, '1h0m0s'],
  [3_661_000, '1h1m1s'],
])('%i ms is %s', (ms, expected) => {
  expect(formatSeconds(ms)).toBe(expected);
});

test('addresses of IPv6 are in brackets', () => {
  expect(formatUrl({ scheme: 'http', host: '2001:db8::1', port: 80, path: '/x' })).toBe('http://[2001:db8::1]:80/x');
});

describe('network errors', () => {
  const error = (code: string, message = 'm'): Error => Object.assign(new Error(message), { code });
  test.each([
    [error('ECONNREFUSED'), 'dial tcp 192.0.2.1:5: connect: connection refused'],
    [error('EHOSTUNREACH'), 'dial tcp 192.0.2.1:5: connect: no route to host'],
    [error('ECONNRESET', 'socket hang up'), 'EOF'],
    [error('ECONNRESET', 'read ECONNRESET'), 'read tcp 192.0.2.1:5: connection reset by peer'],
    [error('HPE_INVALID', 'Parse Error'), 'Parse Error'],
    ['odd', 'odd'],
  ])('%s', (cause, expected) => {
    expect(describeNetworkError(cause, '192.0.2.1', 5)).toBe(expected);
  });
});

describe('cutting text', () => {
  test.each([
    ['abc', 5, 'abc'],
    ['abcdef', 5, 'abcde'],
    ['aéé', 4, 'aé'],
    ['€€', 5, '€'],
    ['€', 2, ''],
  ])('%j at %i bytes', (text, max, expected) => {
    expect(cutText(text, max)).toBe(expected);
  });

  test('gives the longest beginning that fits', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, max) => {
        const cut = cutText(text, max);
        expect(text.startsWith(cut)).toBe(true);
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(max);
        const next = Array.from(text.slice(cut.length))[0];
        if (next !== undefined) expect(Buffer.byteLength(cut + next)).toBeGreaterThan(max);
      }),
    );
  });
});

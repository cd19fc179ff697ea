import { describe, expect, it } from 'vitest';
import { goDuration, pulledMessage, shouldPull } from '../../../agent/images/pull-plan.ts';

it.each([
  ['Always', true, true],
  ['Always', false, true],
  ['IfNotPresent', true, false],
  ['IfNotPresent', false, true],
  ['Never', true, false],
  ['Never', false, false],
] as const)('shouldPull %s, present %s: %s', (policy, present, pull) => {
  expect(shouldPull(policy, present)).toBe(pull);
});

// As Go 1.22 prints them: time.Duration(ms * 1e6).String()
it.each([
  [0, '0s'],
  [1, '1ms'],
  [850, '850ms'],
  [1000, '1s'],
  [1200, '1.2s'],
  [59_999, '59.999s'],
  [60_000, '1m0s'],
  [62_500, '1m2.5s'],
  [3_600_000, '1h0m0s'],
  [3_661_001, '1h1m1.001s'],
])('goDuration %d: %s', (ms, text) => {
  expect(goDuration(ms)).toBe(text);
});

describe('pulledMessage', () => {
  it.each([
    [1234, ' Image size: 1234 bytes.'],
    [undefined, ''],
  ])('size %s', (sizeBytes, end) => {
    expect(pulledMessage('a:1', { pullMs: 1200, totalMs: 3400, sizeBytes })).toBe(
      `Successfully pulled image "a:1" in 1.2s (3.4s including waiting).${end}`,
    );
  });
});

import { expect, it } from 'vitest';
import { supportsRecursiveReadOnly } from '../../../agent/node/recursive-read-only.ts';

it.each<[string, string, boolean]>([
  ['1.44', '5.12.0', true],
  ['1.51', '6.1.0-18-amd64', true],
  ['2.0', '5.15.0+', true],
  ['1.43', '6.18.5', false],
  ['1.9', '6.18.5', false],
  ['1.44', '5.10.0-28-cloud-amd64', false],
  ['1.44', '4.19.0', false],
  ['', '6.1.0', false],
  ['1.44', '', false],
])('API %j on Linux %j: %j', (apiVersion, kernelVersion, supported) => {
  expect(supportsRecursiveReadOnly(apiVersion, kernelVersion)).toBe(supported);
});

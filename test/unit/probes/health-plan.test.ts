import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  codeName,
  decodeHealthResponse,
  encodeHealthRequest,
  MalformedResponseError,
} from '../../../agent/probes/health-plan.ts';

const frame = (...message: number[]): Buffer => Buffer.from([0, 0, 0, 0, message.length, ...message]);

describe('request', () => {
  test.each([
    ['', '0000000000'],
    ['a.B', '00000000050a03612e42'],
    ['é', '00000000040a02c3a9'],
  ])('for %j', (service, hex) => {
    expect(encodeHealthRequest(service).toString('hex')).toBe(hex);
  });

  test('a long name has a length of two bytes', () => {
    expect(encodeHealthRequest('x'.repeat(300)).subarray(0, 8).toString('hex')).toBe('000000012f0aac02');
  });
});

describe('response', () => {
  test.each([
    ['SERVING', [8, 1]],
    ['NOT_SERVING', [8, 2]],
    ['SERVICE_UNKNOWN', [8, 3]],
    ['UNKNOWN', []],
    ['UNKNOWN', [8, 0]],
    ['7', [8, 7]],
    ['NOT_SERVING', [8, 1, 8, 2]],
    ['SERVING', [0x12, 2, 1, 2, 8, 1, 0x19, 0, 0, 0, 0, 0, 0, 0, 0, 0x25, 0, 0, 0, 0, 0x28, 0x80, 1]],
    ['4294967295', [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]],
  ])('%s of %j', (expected, message) => {
    expect(decodeHealthResponse(frame(...message))).toBe(expected);
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a frame cut short', frame(8, 1).subarray(0, 6)],
    ['a compressed frame', Buffer.from([1, 0, 0, 0, 0])],
    ['a number without end', frame(8, 0x80)],
    ['a text cut short', frame(0x12, 9, 1)],
    ['a group', frame(0x0b)],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeHealthResponse(bytes)).toThrow(MalformedResponseError);
  });

  test('any bytes are a status or refused', () => {
    const framed = fc.uint8Array({ maxLength: 64 }).map((message) => frame(...message));
    fc.assert(
      fc.property(fc.oneof(framed, fc.uint8Array()), (bytes) => {
        try {
          expect(decodeHealthResponse(bytes)).toMatch(/^([A-Z_]+|\d+)$/);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedResponseError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

test('codes are named as Go names them', () => {
  expect([5, 12, 14, 99].map(codeName)).toEqual(['NotFound', 'Unimplemented', 'Unavailable', 'Code(99)']);
});

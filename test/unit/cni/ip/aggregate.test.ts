import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aggregate } from '../../../../cni/ip/aggregate.ts';
import { containsAddress, parseCidr, parseIp } from '../../../../cni/ip/cidr.ts';

describe('networks in as few as can be', () => {
  test.each([
    [[], []],
    [['203.0.113.0/27'], ['203.0.113.0/27']],
    [['203.0.113.7/27'], ['203.0.113.0/27']],
    [['203.0.113.32/27', '203.0.113.0/27'], ['203.0.113.0/26']],
    [
      ['203.0.113.32/27', '203.0.113.64/27'],
      ['203.0.113.32/27', '203.0.113.64/27'],
    ],
    [['203.0.113.0/27', '203.0.113.32/27', '203.0.113.64/26', '203.0.113.128/25'], ['203.0.113.0/24']],
    [['203.0.113.0/24', '203.0.113.64/27'], ['203.0.113.0/24']],
    [
      ['2001:db8::/65', '203.0.113.0/24', '2001:db8:0:0:8000::/65'],
      ['203.0.113.0/24', '2001:db8::/64'],
    ],
    [['0.0.0.0/1', '128.0.0.0/1'], ['0.0.0.0/0']],
    [['', 'nonsense', '203.0.113.0/33', '203.0.113.1'], []],
  ])('%j', (given, wanted) => {
    expect(aggregate(given)).toEqual(wanted);
  });

  // Networks of 192.0.2.0/24 with all its addresses to compare.
  const network = fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 24, max: 32 }))
    .map(([last, prefix]) => `192.0.2.${last}/${prefix}`);
  const covered = (texts: readonly string[]): readonly number[] => {
    const cidrs = texts.flatMap((text) => parseCidr(text) ?? []);
    return Array.from({ length: 256 }, (_, last) => last).filter((last) => {
      const ip = parseIp(`192.0.2.${last}`);
      return ip !== undefined && cidrs.some((cidr) => containsAddress(cidr, ip));
    });
  };

  test('hold the same addresses, and are as few in whatever order', () => {
    fc.assert(
      fc.property(fc.array(network, { maxLength: 12 }), (texts) => {
        const all = aggregate(texts);
        expect(covered(all)).toEqual(covered(texts));
        expect(aggregate(texts.toReversed())).toEqual(all);
        expect(aggregate(all)).toEqual(all);
      }),
    );
  });
});

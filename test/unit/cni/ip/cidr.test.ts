import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, test } from 'vitest';
import { containsAddress, formatIp, formatNetwork, overlap, parseCidr, parseIp } from '../../../../cni/ip/cidr.ts';

const anyV4 = fc.ipV4();
// ipaddr.js takes ::a.b.c.d (RFC 4291 section 2.5.5.1) for ::ffff:a.b.c.d.
const anyV6 = fc.ipV6().filter((text) => !/^::\d+\./.test(text));
const anyCidr = fc.oneof(
  fc.tuple(anyV4, fc.integer({ min: 0, max: 32 })),
  fc.tuple(anyV6, fc.integer({ min: 0, max: 128 })),
);
const bytesToBigInt = (bytes: readonly number[]): bigint =>
  bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
const parsed = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error('was not parsed');
  return value;
};

describe('an address', () => {
  test.each([
    ['0.0.0.0', '0.0.0.0'],
    ['203.0.113.255', '203.0.113.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8::0:1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['::ffff:203.0.113.1', '::ffff:cb00:7101'],
    ['::203.0.113.1', '::cb00:7101'],
    ['0000:0000:0000:0000:0000:0000:0000:0001', '::1'],
  ])('%s is written %s', (text, canonical) => {
    expect(formatIp(parsed(parseIp(text)))).toBe(canonical);
  });

  test.each([
    '',
    ' ',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.4 ',
    ':::',
    '1::2::3',
    'fe80::1%eth0',
    '12345::',
    'g::',
  ])('is none: %j', (text) => {
    expect(parseIp(text)).toBeUndefined();
  });

  test('is read as ipaddr.js reads it', () => {
    fc.assert(
      fc.property(fc.oneof(anyV4, anyV6), (text) => {
        expect(parsed(parseIp(text)).value).toBe(bytesToBigInt(ipaddr.parse(text).toByteArray()));
      }),
    );
  });

  test('is written as RFC 5952 says, as ipaddr.js does', () => {
    fc.assert(
      fc.property(fc.oneof(anyV4, anyV6), (text) => {
        const other = ipaddr.parse(text);
        const expected = other instanceof ipaddr.IPv6 ? other.toRFC5952String() : other.toString();
        expect(formatIp(parsed(parseIp(text)))).toBe(expected);
      }),
    );
  });

  test('survives writing and reading', () => {
    const any = fc.oneof(
      fc.record({ family: fc.constant(4 as const), value: fc.bigInt(0n, 2n ** 32n - 1n) }),
      fc.record({ family: fc.constant(6 as const), value: fc.bigInt(0n, 2n ** 128n - 1n) }),
    );
    fc.assert(
      fc.property(any, (ip) => {
        expect(parseIp(formatIp(ip))).toEqual(ip);
      }),
    );
  });

  test('of random text does not throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abcdef:./%g'.split('')) }), (text) => {
        expect(() => [parseIp(text), parseCidr(text)]).not.toThrow();
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a network', () => {
  test.each([
    '',
    '203.0.113.0',
    '203.0.113.0/',
    '203.0.113.0/33',
    '::/129',
    '/24',
    '::/-1',
    '::/1.5',
    '::/0x1',
    '1.2.3.4/24/8',
  ])('is none: %j', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  test('has the bounds that ipaddr.js gives it', () => {
    fc.assert(
      fc.property(anyCidr, ([address, prefix]) => {
        const cidr = parsed(parseCidr(`${address}/${prefix}`));
        const [network, last] = address.includes(':')
          ? [
              ipaddr.IPv6.networkAddressFromCIDR(`${address}/${prefix}`),
              ipaddr.IPv6.broadcastAddressFromCIDR(`${address}/${prefix}`),
            ]
          : [
              ipaddr.IPv4.networkAddressFromCIDR(`${address}/${prefix}`),
              ipaddr.IPv4.broadcastAddressFromCIDR(`${address}/${prefix}`),
            ];
        expect(cidr).toEqual({
          family: address.includes(':') ? 6 : 4,
          address: bytesToBigInt(ipaddr.parse(address).toByteArray()),
          prefix,
          first: bytesToBigInt(network.toByteArray()),
          last: bytesToBigInt(last.toByteArray()),
        });
        expect(parseCidr(formatNetwork(cidr))).toEqual({ ...cidr, address: cidr.first });
      }),
    );
  });

  test('contains what ipaddr.js says that it contains', () => {
    // Addresses near the network: independent ones would almost never be within.
    const near = anyCidr.chain(([address, prefix]) => {
      const { family, first, last } = parsed(parseCidr(`${address}/${prefix}`));
      const limit = 2n ** (family === 4 ? 32n : 128n) - 1n;
      const value = fc.bigInt(first > 3n ? first - 3n : 0n, last + 3n > limit ? limit : last + 3n);
      return fc.tuple(
        fc.constant(`${address}/${prefix}`),
        value.map((number) => formatIp({ family, value: number })),
      );
    });
    fc.assert(
      fc.property(near, ([network, address]) => {
        const expected = ipaddr.parse(address).match(ipaddr.parseCIDR(network));
        expect(containsAddress(parsed(parseCidr(network)), parsed(parseIp(address)))).toBe(expected);
      }),
    );
  });

  test('contains nothing of the other family', () => {
    expect(containsAddress(parsed(parseCidr('::/0')), parsed(parseIp('203.0.113.1')))).toBe(false);
  });

  test.each([
    ['203.0.113.0/24', '203.0.113.128/25', true],
    ['203.0.113.0/25', '203.0.113.128/25', false],
    ['0.0.0.0/0', '::/0', false],
    ['2001:db8::/32', '2001:db8:1::/64', true],
  ])('%s and %s overlap: %s', (a, b, expected) => {
    expect([
      overlap(parsed(parseCidr(a)), parsed(parseCidr(b))),
      overlap(parsed(parseCidr(b)), parsed(parseCidr(a))),
    ]).toEqual([expected, expected]);
  });
});

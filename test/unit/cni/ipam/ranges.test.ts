import fc from 'fast-check';
import { describe as suite, expect, test } from 'vitest';
import { formatIp, parseIp } from '../../../../cni/ip/cidr.ts';
import { candidates, describe } from '../../../../cni/ipam/plan.ts';
import { parseHostLocal } from '../../../../cni/ipam/ranges.ts';
import { cniErrorCode } from '../../../../cni/spec/error.ts';

const tried = (ipam: Record<string, unknown>, last = ''): string[] =>
  parseHostLocal(ipam).rangeSets.flatMap((set) => [...candidates(set, parseIp(last))].map(({ ip }) => formatIp(ip)));
const v4 = (...ends: readonly number[]): string[] => ends.map((end) => `203.0.113.${end}`);
const subnet = '203.0.113.0/29';

suite('addresses are tried', () => {
  test.each<[string, Record<string, unknown>, string, readonly string[]]>([
    ['without network, gateway and broadcast', { subnet }, '', v4(2, 3, 4, 5, 6)],
    ['from behind the last', { subnet }, '203.0.113.4', v4(5, 6, 2, 3, 4)],
    ['from the start after the end', { subnet }, '203.0.113.6', v4(2, 3, 4, 5, 6)],
    ['from the start after one that is of no range', { subnet }, '198.51.100.1', v4(2, 3, 4, 5, 6)],
    ['from the start after one of another family', { subnet }, '::cb00:7104', v4(2, 3, 4, 5, 6)],
    ['within start and end', { subnet, rangeStart: '203.0.113.3', rangeEnd: '203.0.113.4' }, '', v4(3, 4)],
    ['without another gateway', { subnet, gateway: '203.0.113.4' }, '', v4(1, 2, 3, 5, 6)],
    [
      'without network and broadcast where start and end are these',
      { subnet, rangeStart: '203.0.113.0', rangeEnd: '203.0.113.7' },
      '',
      v4(2, 3, 4, 5, 6),
    ],
    [
      'of all ranges of a set',
      { ranges: [[{ subnet: '203.0.113.0/30' }, { subnet: '203.0.113.8/30' }]] },
      '',
      v4(2, 10),
    ],
    [
      'from the range of the last on',
      { ranges: [[{ subnet: '203.0.113.0/29' }, { subnet: '203.0.113.8/30' }]] },
      '203.0.113.5',
      v4(6, 10, 2, 3, 4, 5),
    ],
    [
      'without the gateway of a sibling',
      {
        ranges: [
          [
            { subnet, rangeStart: '203.0.113.2', rangeEnd: '203.0.113.3', gateway: '203.0.113.5' },
            { subnet, rangeStart: '203.0.113.4', rangeEnd: '203.0.113.6', gateway: '203.0.113.2' },
          ],
        ],
      },
      '',
      v4(3, 4, 6),
    ],
  ])('%s', (_, ipam, last, expected) => {
    expect(tried(ipam, last)).toEqual(expected);
  });

  test('each once, whatever was given last', () => {
    const ipam = {
      ranges: [[{ subnet: '203.0.113.0/28' }, { subnet: '203.0.113.32/29' }, { subnet: '203.0.113.64/30' }]],
    };
    const all = tried(ipam).sort();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), (last) => {
        expect(tried(ipam, `203.0.113.${last}`).sort()).toEqual(all);
      }),
    );
  });

  test('of a huge range without visiting all of it', () => {
    const [set = []] = parseHostLocal({ subnet: '2001:db8:1::/64' }).rangeSets;
    const [first] = candidates(set, undefined);
    expect(first?.ip).toEqual(parseIp('2001:db8:1::2'));
    expect(describe(set)).toBe('2001:db8:1::1-2001:db8:1:0:ffff:ffff:ffff:ffff');
  });
});

suite('routes', () => {
  test('are read with all keys of the specification, and as networks', () => {
    const routes = [
      { dst: '198.51.100.7/24', gw: '203.0.113.4', mtu: 1400, advmss: 1360, priority: 5, table: 100, scope: 0 },
      { dst: '::/0' },
    ];
    expect(parseHostLocal({ subnet, routes }).routes).toEqual([{ ...routes[0], dst: '198.51.100.0/24' }, routes[1]]);
  });
});

suite('a wrong configuration', () => {
  test.each<[Record<string, unknown>, string]>([
    [{}, 'ipam.subnet must be a network such as 203.0.113.0/24'],
    [{ subnet: '203.0.113.0' }, 'ipam.subnet must be a network such as 203.0.113.0/24'],
    [{ subnet: '203.0.113.0/31' }, 'ipam.subnet is too small to give addresses from'],
    [{ subnet, rangeStart: '198.51.100.1' }, 'ipam.rangeStart must be an address of 203.0.113.0/29'],
    [{ subnet, rangeEnd: 5 }, 'ipam.rangeEnd must be an address of 203.0.113.0/29'],
    [{ subnet, gateway: '2001:db8::1' }, 'ipam.gateway must be an address of 203.0.113.0/29'],
    [{ subnet, rangeStart: '203.0.113.5', rangeEnd: '203.0.113.4' }, 'ipam.rangeStart is behind rangeEnd'],
    [{ ranges: [] }, 'ipam.ranges must not be empty'],
    [{ ranges: [[]] }, 'ipam.ranges must not be empty'],
    [{ ranges: 'all' }, 'ipam.ranges must be an array'],
    [{ ranges: [{ subnet }] }, 'ipam.ranges[0] must be an array'],
    [{ ranges: [[{ subnet }], [null]] }, 'ipam.ranges[1][0] must be an object'],
    [{ ranges: [[{ subnet }], [{ subnet }]] }, 'ipam.ranges must not overlap'],
    [
      { ranges: [[{ subnet }, { subnet: '2001:db8:1::/64' }]] },
      'ipam.ranges must not mix IPv4 and IPv6 in one set: an attachment gets one address from each set',
    ],
    [{ subnet, routes: [7] }, 'ipam.routes[0] must be an object'],
    [{ subnet, routes: [{ dst: 'default' }] }, 'ipam.routes[0].dst must be a network'],
    [{ subnet, routes: [{ dst: '0.0.0.0/0', gw: 'eth0\nlink del lo' }] }, 'ipam.routes[0].gw must be an address'],
    [{ subnet, routes: [{ dst: '0.0.0.0/0', mtu: '1 dev lo' }] }, 'ipam.routes[0].mtu must be a number'],
    [{ subnet, dataDir: 7 }, 'ipam.dataDir must be a path'],
  ])('%j: %s', (ipam, message) => {
    expect(() => parseHostLocal(ipam)).toThrow(
      expect.objectContaining({ code: cniErrorCode.invalidNetworkConfig, message }),
    );
  });
});

import { describe, expect, test } from 'vitest';
import { missingRoute, parseLinks, parsePod, type RouteFacts } from '../../../../cni/bridge/observe.ts';
import type { CniRoute } from '../../../../cni/spec/types.ts';

/** As iproute2 6.1 prints it, less the keys that nobody reads. */
const addresses = '[{},{"ifname":"eth0","addr_info":[{"family":"inet","local":"203.0.113.5","prefixlen":24}]}]';
const routes = JSON.stringify([
  { dst: '198.51.100.0/24', gateway: '203.0.113.1', table: '100', metric: 7, flags: [] },
  { dst: 'default', gateway: '203.0.113.1', flags: [] },
  { dst: '192.0.2.7', scope: '253', flags: [] },
  { type: '2', dst: '203.0.113.5', table: '255', flags: [] },
  { dst: 'default', gateway: '2001:db8:1::1', metric: 1024, pref: 'medium' },
  { dst: '2001:db8:1::/64', metric: 256, pref: 'medium' },
  { type: 'unknown' },
]);

const found: readonly RouteFacts[] = [
  { dst: '198.51.100.0/24', gw: '203.0.113.1', table: 100 },
  { dst: '0.0.0.0/0', gw: '203.0.113.1', table: 254 },
  { dst: '192.0.2.7/32', gw: undefined, table: 254 },
  { dst: '203.0.113.5/32', gw: undefined, table: 255 },
  { dst: '::/0', gw: '2001:db8:1::1', table: 254 },
  { dst: '2001:db8:1::/64', gw: undefined, table: 254 },
];

test('addresses and routes of a pod are read from the output of ip', () => {
  expect(parsePod(`${addresses}\n${routes}\n`)).toEqual({ addresses: ['203.0.113.5/24'], routes: found });
  expect(parsePod('')).toEqual({ addresses: [], routes: [] });
});

test('links are read from the output of ip', () => {
  const text =
    '[{},{"ifname":"veth1","master":"cni0","ifalias":"podwright"},{"ifname":"veth2","master":"br0"},{"ifname":"veth3"}]';
  expect(parseLinks(text)).toEqual([
    { name: 'veth1', alias: 'podwright', master: 'cni0' },
    { name: 'veth2', alias: undefined, master: 'br0' },
    { name: 'veth3', alias: undefined, master: undefined },
  ]);
  expect(parseLinks('')).toEqual([]);
});

describe('a route of a result', () => {
  test.each<[CniRoute, boolean]>([
    [{ dst: '0.0.0.0/0', gw: '203.0.113.1' }, true],
    [{ dst: '0.0.0.0/0' }, true],
    [{ dst: '0.0.0.0/0', gw: '203.0.113.2' }, false],
    [{ dst: '::/0', gw: '2001:DB8:1:0::1' }, true],
    [{ dst: '192.0.2.7/32' }, true],
    [{ dst: '192.0.2.7/32', gw: '203.0.113.1' }, false],
    [{ dst: '198.51.100.0/24', gw: '203.0.113.1', table: 100 }, true],
    [{ dst: '198.51.100.0/24', gw: '203.0.113.1' }, false],
  ])('%j is there: %j', (route, isThere) => {
    expect(missingRoute([{ dst: '2001:db8:1::/64' }, route], found)).toEqual(isThere ? undefined : route);
  });
});

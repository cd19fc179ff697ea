import { describe, expect, test } from 'vitest';
import { parseHost, parseTunnel } from '../../../../cni/routes/observe.ts';
import { describeTables } from '../../../../cni/routes/table.ts';

/** As iproute2 6.1 prints it with `-details -N -json`, but for fields that nobody reads. */
const vxlan = {
  ifname: 'podwright.1',
  flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
  mtu: 1450,
  address: '0a:58:c6:33:64:01',
  linkinfo: { info_kind: 'vxlan', info_data: { id: 1, link: 'eth0', local: '198.51.100.1', port: 8472 } },
  addr_info: [
    { local: '203.0.113.0', prefixlen: 32, scope: '0' },
    { local: 'fe80::1', prefixlen: 64, scope: '253' },
  ],
};
const link = {
  ...{ name: 'podwright.1', mtu: 1450, mac: '0a:58:c6:33:64:01', isUp: true, alias: undefined },
  ...{ addresses: ['203.0.113.0/32'], vxlan: { link: 'eth0', local: '198.51.100.1' } },
};
const output = (...lines: readonly unknown[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

describe('the host', () => {
  test('its links, own routes, and ways to nodes', () => {
    const text = output(
      [vxlan, {}],
      [
        { dst: '203.0.113.32/27', gateway: '198.51.100.2', dev: 'eth0', protocol: '112', metric: 112, flags: [] },
        { dst: '203.0.113.64/27', gateway: '203.0.113.64', dev: 'podwright.1', flags: ['onlink'] },
        { dst: '203.0.113.96', via: { family: 'inet6', host: '2001:db8::2' }, dev: 'eth0', flags: [] },
      ],
      [{ dst: '198.51.100.2', dev: 'eth0' }],
      [{ dst: '192.0.2.2', gateway: '198.51.100.254', dev: 'eth0' }],
      [{ type: '2', dst: '198.51.100.1', dev: 'lo' }],
    );
    expect(parseHost(text)).toEqual({
      links: [link],
      routes: [
        { dst: '203.0.113.32/27', via: '198.51.100.2', dev: 'eth0', onlink: false },
        { dst: '203.0.113.64/27', via: '203.0.113.64', dev: 'podwright.1', onlink: true },
        { dst: '203.0.113.96/32', via: '2001:db8::2', dev: 'eth0', onlink: false },
      ],
      reach: new Map([
        ['198.51.100.2', { dev: 'eth0', isRouted: false, isOwn: false }],
        ['192.0.2.2', { dev: 'eth0', isRouted: true, isOwn: false }],
        ['198.51.100.1', { dev: 'lo', isRouted: false, isOwn: true }],
      ]),
    });
  });

  test.each([
    ['of another VNI', { id: 2 }],
    ['of another port', { port: 4789 }],
    ['of no link', { link: undefined }],
  ])('a device %s is not the own one', (_, data) => {
    const info = { ...vxlan.linkinfo.info_data, ...data };
    const { links } = parseHost(output([{ ...vxlan, linkinfo: { info_kind: 'vxlan', info_data: info } }], []));
    expect(links).toEqual([{ ...link, vxlan: undefined }]);
  });
});

test('what the device knows', () => {
  const neighbours = [output([{ dst: '203.0.113.64', lladdr: '0a:58:c0:00:02:02', state: ['PERMANENT'] }]), ''];
  const fdb = output([
    { mac: '0a:58:c0:00:02:02', ifname: 'podwright.1', dst: '192.0.2.2', flags: ['self'], state: 'permanent' },
    { mac: '33:33:00:00:00:01', ifname: 'podwright.1', flags: ['self'], state: 'permanent' },
  ]);
  expect(parseTunnel([link], neighbours, fdb)).toEqual({
    ...{ link: 'eth0', local: '198.51.100.1', mac: '0a:58:c6:33:64:01', mtu: 1450, isUp: true },
    addresses: ['203.0.113.0/32'],
    neighbours: [{ ip: '203.0.113.64', mac: '0a:58:c0:00:02:02' }],
    fdb: [{ mac: '0a:58:c0:00:02:02', dst: '192.0.2.2' }],
  });
  expect(parseTunnel([], neighbours, fdb)).toBeUndefined();
});

describe('the routing tables as a text', () => {
  const v4 = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
  const pods = 'eth0\t207100CB\t026433C6\t0003\t0\t0\t112\tE0FFFFFF\t0\t0\t0\n';
  const v6 = (dst: string, prefix: string, counters: string): string =>
    `${dst.padEnd(32, '0')} ${prefix} ${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00000070 ${counters} 00000001     eth0\n`;
  const pods6 = v6('20010db80002', '40', '00000001 00000000');
  const before = describeTables(v4 + pods, pods6);

  test.each([
    ['nothing', v4 + pods, pods6, true],
    ['counters', v4 + pods, v6('20010db80002', '40', '00000007 00000009'), true],
    ['an address of a pod', v4 + pods, pods6 + v6('20010db80001', '80', '00000001 00000000'), true],
    ['a link of a pod', v4 + pods, pods6 + v6('fe80', '40', '00000001 00000000') + v6('ff', '08', '1 0'), true],
    ['a route that is gone', v4, pods6, false],
    ['a route of IPv6 that is gone', v4 + pods, '', false],
    ['another gateway', v4 + pods.replace('026433C6', '036433C6'), pods6, false],
  ])('after a change of %s', (_, now, now6, isSame) => {
    expect(describeTables(now, now6) === before).toBe(isSame);
  });
});

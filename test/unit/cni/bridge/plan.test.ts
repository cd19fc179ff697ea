import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBridge } from '../../../../cni/bridge/config.ts';
import { hostLinkName, podMac } from '../../../../cni/bridge/names.ts';
import { bridgeLink, isOwnLink, namespaceName, routesOf, suspectLinks } from '../../../../cni/bridge/plan.ts';
import { renderBridge, renderHostSide, renderPodSide, toBatch } from '../../../../cni/bridge/render.ts';
import { attachmentKey } from '../../../../cni/plugin.ts';
import { CniError, cniErrorCode } from '../../../../cni/spec/error.ts';
import { bridgeConfig, dualRanges } from './fixtures.ts';

const ips = [
  { address: '203.0.113.5/24', gateway: '203.0.113.1' },
  { address: '2001:db8:1::5/64', gateway: '2001:db8:1::1' },
];
const pod = { hostName: 'veth0', ifName: 'eth0', mac: '0a:58:cb:00:71:05', mtu: 0, hairpin: false, netns: '42' };

describe('configuration', () => {
  test('has defaults', () => {
    const { ipam, ...rest } = parseBridge({ type: 'bridge', ipam: { type: 'host-local', ranges: dualRanges } });
    expect(rest).toEqual({ bridge: 'cni0', mtu: 0, isDefaultGateway: false, isGateway: false, hairpinMode: false });
    expect(ipam.rangeSets).toHaveLength(2);
  });

  test('keys that are off, and those that need nothing, are accepted', () => {
    const off = { vlan: 0, promiscMode: false, macspoofchk: false, disableContainerInterface: false };
    expect(parseBridge(bridgeConfig({ ...off, ipMasq: true, forceAddress: true }))).toEqual(
      parseBridge(bridgeConfig()),
    );
  });

  test.each<[Record<string, unknown>, number, string]>([
    [{ vlan: 5 }, cniErrorCode.unsupportedField, 'bridge: vlan is not supported: remove it'],
    [{ promiscMode: true }, cniErrorCode.unsupportedField, 'bridge: promiscMode is not supported: remove it'],
    [{ macspoofchk: true }, cniErrorCode.unsupportedField, 'bridge: macspoofchk is not supported: remove it'],
    [{ ipam: { type: 'dhcp' } }, cniErrorCode.unsupportedField, 'bridge: ipam.type must be host-local, not dhcp'],
    [{ ipam: undefined }, cniErrorCode.unsupportedField, 'bridge: ipam.type must be host-local, not empty'],
    [{ bridge: 'cni0\nlink del lo' }, cniErrorCode.invalidNetworkConfig, 'bridge: bridge must be the name of a link'],
    [{ bridge: 'a234567890123456' }, cniErrorCode.invalidNetworkConfig, 'bridge: bridge must be the name of a link'],
    [{ bridge: '-force' }, cniErrorCode.invalidNetworkConfig, 'bridge: bridge must be the name of a link'],
    [{ mtu: '1500' }, cniErrorCode.invalidNetworkConfig, 'bridge: mtu must be 0 or from 68 to 65535'],
    [{ mtu: 10 }, cniErrorCode.invalidNetworkConfig, 'bridge: mtu must be 0 or from 68 to 65535'],
    [{ isGateway: 'yes' }, cniErrorCode.invalidNetworkConfig, 'bridge: isGateway must be true or false'],
  ])('%j: %i %s', (more, code, message) => {
    expect(() => parseBridge(bridgeConfig(more))).toThrow(expect.objectContaining({ name: 'CniError', code, message }));
  });
});

describe('batches', () => {
  test('of a new bridge, of one that is there, of one that is no gateway', () => {
    const config = parseBridge(bridgeConfig({ mtu: 1400 }));
    const repeatable = [
      'addr replace 203.0.113.1/24 dev cni0',
      'addr replace 2001:db8:1::1/64 dev cni0 nodad',
      'addr replace fe80::858:cbff:fe00:7101/64 dev cni0 nodad',
      'link set dev cni0 up',
    ];
    expect(renderBridge(bridgeLink(config), true)).toEqual([
      'link add name cni0 mtu 1400 address 0a:58:cb:00:71:01 type bridge',
      'link set dev cni0 alias podwright',
      ...repeatable,
    ]);
    expect(renderBridge(bridgeLink(config), false)).toEqual(repeatable);
    const plain = parseBridge(bridgeConfig({ isDefaultGateway: false }));
    expect(renderBridge(bridgeLink(plain), false)).toEqual(['link set dev cni0 up']);
  });

  test('of the host side', () => {
    expect(renderHostSide('cni0', pod, [])).toEqual([
      'link add name veth0 master cni0 up type veth peer name eth0 address 0a:58:cb:00:71:05 netns 42',
      'link set dev veth0 alias podwright',
    ]);
    expect(renderHostSide('cni0', { ...pod, mtu: 1400, hairpin: true }, ips)).toEqual([
      'link add name veth0 mtu 1400 master cni0 up type veth peer name eth0 address 0a:58:cb:00:71:05 mtu 1400 netns 42',
      'link set dev veth0 alias podwright',
      'link set dev veth0 type bridge_slave hairpin on',
      'neigh flush to 2001:db8:1::5 dev cni0',
    ]);
  });

  test('of the pod side: addresses are announced once they are there', () => {
    const routes = [
      { dst: '198.51.100.0/24', gw: '203.0.113.1', mtu: 1300, advmss: 1200, priority: 7, table: 100, scope: 0 },
      { dst: '::/0' },
    ];
    expect(toBatch(renderPodSide(pod, ips, routes)).split('\n')).toEqual([
      'link set dev eth0 up',
      'link set dev lo up',
      'addr replace 203.0.113.5/24 dev eth0',
      'addr replace 2001:db8:1::5/64 dev eth0 nodad',
      'route replace 198.51.100.0/24 via 203.0.113.1 mtu 1300 advmss 1200 metric 7 table 100 scope 0 dev eth0',
      'route replace ::/0 dev eth0',
      'link set dev eth0 address 0a:58:cb:00:71:05',
      '',
    ]);
  });
});

describe('routes', () => {
  const own = [{ dst: '198.51.100.0/24' }, { dst: '2001:db8:2::/64', gw: '2001:db8:1::9' }];

  test.each([
    ['of the configuration go through the gateway', false, own, [{ ...own[0], gw: '203.0.113.1' }, own[1]]],
    [
      'are the default routes',
      true,
      [],
      [
        { dst: '0.0.0.0/0', gw: '203.0.113.1' },
        { dst: '::/0', gw: '2001:db8:1::1' },
      ],
    ],
    [
      'of the configuration come before a default route of the bridge',
      true,
      [{ dst: '0.0.0.0/0', gw: '203.0.113.9' }],
      [
        { dst: '0.0.0.0/0', gw: '203.0.113.9' },
        { dst: '::/0', gw: '2001:db8:1::1' },
      ],
    ],
  ])('%s', (_, isDefaultGateway, routes, expected) => {
    expect(routesOf(parseBridge(bridgeConfig({ isDefaultGateway })), { ips, routes })).toEqual(expected);
  });
});

describe('names', () => {
  test('of host links fit the kernel, and differ by container and link', () => {
    const names = [hostLinkName('c1', 'eth0'), hostLinkName('c1', 'eth1'), hostLinkName('c2', 'eth0')];
    for (const name of names) expect(name).toMatch(/^veth[0-9a-f]{11}$/);
    expect(new Set(names).size).toBe(3);
    // A released version's names are found by the next one.
    expect(names[0]).toBe('vethd72e032fedd');
  });

  test.each([
    ['/proc/42/ns/net', '42'],
    ['/run/netns/blue', 'blue'],
    ['/var/run/netns/blue', 'blue'],
  ])('of the namespace %s: %s', (path, name) => {
    expect(namespaceName(path)).toBe(name);
  });

  test.each([undefined, '', '/run/netns/', '/proc/self/ns/net', '/run/netns/a b', '/run/docker/netns/default'])(
    'of no namespace that ip can name: %j',
    (path) => {
      expect(() => namespaceName(path)).toThrow(CniError);
    },
  );

  test.each([
    [['203.0.113.5/24', '2001:db8:1::5/64'], '0a:58:cb:00:71:05'],
    [['2001:db8:1::5/64', '1.2.3.4/24'], '0a:58:01:02:03:04'],
    [['2001:db8:1::5/64'], podMac([{ address: '2001:db8:1::5/128' }])],
  ])('hardware address of %j: %s', (addresses, mac) => {
    expect(podMac(addresses.map((address) => ({ address })))).toBe(mac);
    expect(mac).toMatch(/^0a:58(:[0-9a-f]{2}){4}$/);
  });

  test('of links that may be stale have our form and are of no valid attachment', () => {
    const id = fc.uniqueArray(fc.uuid(), { minLength: 0, maxLength: 6 });
    fc.assert(
      fc.property(id, id, (valid, gone) => {
        const keys = new Set(valid.map((container) => attachmentKey(container, 'eth0')));
        const stale = gone.filter((container) => !valid.includes(container)).map((name) => hostLinkName(name, 'eth0'));
        const foreign = ['all', 'default', 'lo', 'cni0', 'eth0', 'veth1234567', 'veth12345678', 'veth1234567890g'];
        const names = [...foreign, ...valid.map((name) => hostLinkName(name, 'eth0')), ...stale];
        expect(suspectLinks(names, keys)).toEqual(stale);
      }),
    );
  });

  test.each<[{ alias?: string; master?: string }, boolean]>([
    [{ alias: 'podwright', master: 'cni0' }, true],
    [{ alias: 'podwright' }, true],
    [{ alias: 'podwright', master: 'former0' }, true],
    [{ master: 'cni0' }, true],
    [{ master: 'br-lan' }, false],
    [{}, false],
    [{ alias: 'vm of somebody', master: 'cni0' }, false],
  ])('a link %j is ours: %j', ({ alias, master }, expected) => {
    expect(isOwnLink({ name: 'veth0123456789a', alias, master }, 'cni0')).toBe(expected);
  });
});

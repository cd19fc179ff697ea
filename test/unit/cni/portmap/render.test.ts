import { describe, expect, test } from 'vitest';
import type { PortSet } from '../../../../cni/portmap/backend.ts';
import * as iptables from '../../../../cni/portmap/iptables/render.ts';
import * as nftables from '../../../../cni/portmap/nftables/render.ts';
import type { HostPort } from '../../../../cni/portmap/plan.ts';

const tcp: HostPort = {
  family: 4,
  protocol: 'tcp',
  hostPort: 8080,
  hostIp: undefined,
  podIp: '203.0.113.2',
  podNet: '203.0.113.0/24',
  containerPort: 80,
};
const udp6: HostPort = {
  ...tcp,
  family: 6,
  protocol: 'udp',
  hostIp: '2001:db8:2::1',
  podIp: '2001:db8:1::2',
  podNet: '2001:db8:1::/64',
};
const other: PortSet = { id: 'other', ports: [{ ...tcp, hostPort: 9090, podIp: '203.0.113.3' }] };
const own: PortSet = { id: 'own', ports: [tcp, udp6] };

/** Lines that differ between a change and one without any port. */
const linesOf = (text: string, without: string): string[] => {
  const common = new Set(without.split('\n'));
  return text.split('\n').filter((line) => !common.has(line));
};

describe('nftables', () => {
  const empty = nftables.renderTable([]);

  test('the elements of all attachments are written into emptied maps', () => {
    expect(linesOf(nftables.renderTable([other, own]), empty)).toEqual([
      'add rule inet podwright_hostport hostports ip6 saddr 2001:db8:1::/64 meta mark set meta mark or 0x2000',
      'add rule inet podwright_hostport hostports ip saddr 203.0.113.0/24 meta mark set meta mark or 0x2000',
      'add rule inet podwright_hostport hostports ip6 saddr 2001:db8:1::/64 meta mark set meta mark and 0xffffdfff',
      'add rule inet podwright_hostport hostports ip saddr 203.0.113.0/24 meta mark set meta mark and 0xffffdfff',
      'add element inet podwright_hostport hostports4 { tcp . 9090 : 203.0.113.3 . 80 }',
      'add element inet podwright_hostport hostports4 { tcp . 8080 : 203.0.113.2 . 80 }',
      'add element inet podwright_hostport hostip6 { 2001:db8:2::1 . udp . 8080 : 2001:db8:1::2 . 80 }',
    ]);
    for (const map of ['hostports4', 'hostports6', 'hostip4', 'hostip6']) {
      expect(empty).toContain(`flush map inet podwright_hostport ${map}\n`);
    }
  });

  test('what is of the loopback network and came by another link is dropped before there is a host port', () => {
    expect(empty.match(/^add (?:chain|rule) \S+ \S+ loopback.*$/gm)).toEqual([
      'add chain inet podwright_hostport loopback { type filter hook prerouting priority raw ; }',
      'add rule inet podwright_hostport loopback iifname != "lo" ip daddr 127.0.0.0/8 drop',
      'add rule inet podwright_hostport loopback iifname != "lo" ip saddr 127.0.0.0/8 drop',
    ]);
  });

  const listed = (elements: string, jumps = 2): string =>
    `table inet podwright_hostport {\n\tmap hostports4 {\n\t\telements = { ${elements} }\n\t}\n${'\t\tfib daddr type local jump hostports\n'.repeat(jumps)}}`;

  test.each<[string, string, HostPort, boolean]>([
    ['numbers', listed('17 . 53 : 203.0.113.9 . 53,\n\t\t\t6 . 8080 : 203.0.113.2 . 80'), tcp, true],
    ['names', listed('tcp . 8080 : 203.0.113.2 . 80'), tcp, true],
    ['a host address', listed('2001:db8:2::1 . 17 . 8080 : 2001:db8:1::2 . 80'), udp6, true],
    ['a host address only', listed('198.51.100.1 . 6 . 8080 : 203.0.113.2 . 80'), tcp, false],
    ['a longer container port', listed('6 . 8080 : 203.0.113.2 . 8080'), tcp, false],
    ['no jumps', listed('6 . 8080 : 203.0.113.2 . 80', 0), tcp, false],
    ['no table', '', tcp, false],
  ])('a listing with %s', (_, text, port, expected) => {
    expect(nftables.isShown(port, text)).toBe(expected);
  });
});

describe('iptables', () => {
  const jumps = [
    '-A PREROUTING -m addrtype --dst-type LOCAL -j PODWRIGHT-HOSTPORT-DNAT',
    '-A OUTPUT -m addrtype --dst-type LOCAL -j PODWRIGHT-HOSTPORT-DNAT',
    '-A POSTROUTING -m comment --comment "podwright host ports" -j PODWRIGHT-HOSTPORT-MASQ',
  ];
  const guard = '-A INPUT -j PODWRIGHT-LOOPBACK';
  const emptied = (chain: string): string[] => [`:${chain} - [0:0]`, `-F ${chain}`];
  const shared = ['PODWRIGHT-HOSTPORT-DNAT', 'PODWRIGHT-HOSTPORT-SETMARK', 'PODWRIGHT-HOSTPORT-MASQ'];
  const masquerade = [
    '-A PODWRIGHT-HOSTPORT-SETMARK -j MARK --set-xmark 0x2000/0x2000',
    '-A PODWRIGHT-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE',
  ];

  test('all attachments, whole, of IPv4', () => {
    expect(iptables.renderChains(4, [other, own], ['own'], []).split('\n')).toEqual([
      '*filter',
      ...emptied('PODWRIGHT-LOOPBACK'),
      '-A PODWRIGHT-LOOPBACK ! -i lo -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
      '-A PODWRIGHT-LOOPBACK ! -i lo -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
      'COMMIT',
      '*nat',
      ...[...shared, 'PODWRIGHT-DN-other', 'PODWRIGHT-DN-own'].flatMap(emptied),
      ...masquerade,
      '-A PODWRIGHT-HOSTPORT-DNAT -p tcp --dport 9090 -j PODWRIGHT-DN-other',
      '-A PODWRIGHT-DN-other -s 203.0.113.0/24 -p tcp --dport 9090 -j PODWRIGHT-HOSTPORT-SETMARK',
      '-A PODWRIGHT-DN-other -s 127.0.0.1 -p tcp --dport 9090 -j PODWRIGHT-HOSTPORT-SETMARK',
      '-A PODWRIGHT-DN-other -p tcp --dport 9090 -j DNAT --to-destination 203.0.113.3:80',
      '-A PODWRIGHT-HOSTPORT-DNAT -p tcp --dport 8080 -j PODWRIGHT-DN-own',
      '-A PODWRIGHT-DN-own -s 203.0.113.0/24 -p tcp --dport 8080 -j PODWRIGHT-HOSTPORT-SETMARK',
      '-A PODWRIGHT-DN-own -s 127.0.0.1 -p tcp --dport 8080 -j PODWRIGHT-HOSTPORT-SETMARK',
      '-A PODWRIGHT-DN-own -p tcp --dport 8080 -j DNAT --to-destination 203.0.113.2:80',
      'COMMIT',
      '',
    ]);
  });

  test('of IPv6 only what is of that family; what is gone loses its chain', () => {
    expect(iptables.renderChains(6, [other, own], ['former'], []).split('\n')).toEqual([
      '*nat',
      ...[...shared, 'PODWRIGHT-DN-former', 'PODWRIGHT-DN-own'].flatMap(emptied),
      ...masquerade,
      '-A PODWRIGHT-HOSTPORT-DNAT -d 2001:db8:2::1 -p udp --dport 8080 -j PODWRIGHT-DN-own',
      '-A PODWRIGHT-DN-own -s 2001:db8:1::/64 -d 2001:db8:2::1 -p udp --dport 8080 -j PODWRIGHT-HOSTPORT-SETMARK',
      '-A PODWRIGHT-DN-own -d 2001:db8:2::1 -p udp --dport 8080 -j DNAT --to-destination [2001:db8:1::2]:80',
      '-X PODWRIGHT-DN-former',
      'COMMIT',
      '',
    ]);
  });

  test('a port on one address goes before the same one on all', () => {
    const one = { ...tcp, hostIp: '198.51.100.1', containerPort: 81 };
    const text = iptables.renderChains(4, [{ id: 'own', ports: [tcp, one] }], [], []);
    expect(text.match(/^-A PODWRIGHT-HOSTPORT-DNAT .*$/gm)).toEqual([
      '-A PODWRIGHT-HOSTPORT-DNAT -d 198.51.100.1 -p tcp --dport 8080 -j PODWRIGHT-DN-own',
      '-A PODWRIGHT-HOSTPORT-DNAT -p tcp --dport 8080 -j PODWRIGHT-DN-own',
    ]);
  });

  test('the jumps that are missing are added, masquerade and the guard before what accepts', () => {
    const added = (family: 4 | 6, saved: readonly string[]): string[] => {
      const missing = iptables.missingJumps(family, saved.join('\n'));
      return linesOf(iptables.renderChains(family, [], [], missing), iptables.renderChains(family, [], [], []));
    };
    expect(added(4, [...jumps, guard])).toEqual([]);
    expect(added(6, jumps)).toEqual([]);
    const [prerouting, output = '', postrouting = ''] = jumps;
    expect(added(4, [output])).toEqual(
      [guard, prerouting, postrouting].map((line, n) => (n === 1 ? line : line?.replace('-A', '-I'))),
    );
    expect(added(6, [output])).toEqual([prerouting, postrouting.replace('-A', '-I')]);
  });

  test('what is shown needs the jumps, the guard, the chain and the target', () => {
    const lines = [
      ...jumps,
      guard,
      '-A PODWRIGHT-HOSTPORT-DNAT -p tcp -m tcp --dport 8080 -j PODWRIGHT-DN-own',
      '-A PODWRIGHT-DN-own -p tcp -m tcp --dport 8080 -j DNAT --to-destination 203.0.113.2:80',
    ];
    expect(iptables.isShown('own', tcp, lines.join('\n'))).toBe(true);
    for (const line of lines) {
      expect(iptables.isShown('own', tcp, lines.filter((each) => each !== line).join('\n'))).toBe(false);
    }
  });
});

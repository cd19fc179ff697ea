import { describe, expect, test } from 'vitest';
import type { PortChange, PortSet } from '../../../../cni/portmap/backend.ts';
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
const none: PortSet = { id: 'own', ports: [] };
const own: PortSet = { id: 'own', ports: [tcp, udp6] };
const addition: PortChange = { before: none, after: own, others: [other] };
const removal: PortChange = { before: own, after: none, others: [other] };

/** Lines that differ between a change and one without any port. */
const linesOf = (text: string, without: string): string[] => {
  const common = new Set(without.split('\n'));
  return text.split('\n').filter((line) => !common.has(line));
};

describe('nftables', () => {
  const empty = nftables.renderChange({ before: none, after: none, others: [] });

  test('a change writes the elements of all attachments into emptied maps', () => {
    expect(linesOf(nftables.renderChange(addition), empty)).toEqual([
      'add rule inet cni_hostport hostports ip6 saddr 2001:db8:1::/64 meta mark set meta mark or 0x2000',
      'add rule inet cni_hostport hostports ip saddr 203.0.113.0/24 meta mark set meta mark or 0x2000',
      'add rule inet cni_hostport hostports ip6 saddr 2001:db8:1::/64 meta mark set meta mark and 0xffffdfff',
      'add rule inet cni_hostport hostports ip saddr 203.0.113.0/24 meta mark set meta mark and 0xffffdfff',
      'add element inet cni_hostport hostports4 { tcp . 9090 : 203.0.113.3 . 80 }',
      'add element inet cni_hostport hostports4 { tcp . 8080 : 203.0.113.2 . 80 }',
      'add element inet cni_hostport hostip6 { 2001:db8:2::1 . udp . 8080 : 2001:db8:1::2 . 80 }',
    ]);
    for (const map of ['hostports4', 'hostports6', 'hostip4', 'hostip6']) {
      expect(empty).toContain(`flush map inet cni_hostport ${map}\n`);
    }
  });

  test('a removal leaves the others', () => {
    const elements = nftables.renderChange(removal).match(/^add element .*$/gm);
    expect(elements).toEqual(['add element inet cni_hostport hostports4 { tcp . 9090 : 203.0.113.3 . 80 }']);
  });

  const listed = (elements: string, jumps = 2): string =>
    `table inet cni_hostport {\n\tmap hostports4 {\n\t\telements = { ${elements} }\n\t}\n${'\t\tfib daddr type local jump hostports\n'.repeat(jumps)}}`;

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
    '-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
    '-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
    '-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
  ];

  test('an addition, whole, of each family', () => {
    expect(iptables.renderChange(4, addition, []).split('\n')).toEqual([
      '*nat',
      ...['CNI-HOSTPORT-DNAT', 'CNI-HOSTPORT-SETMARK', 'CNI-HOSTPORT-MASQ', 'CNI-DN-own', 'CNI-DN-other'].flatMap(
        (chain) => [`:${chain} - [0:0]`, `-F ${chain}`],
      ),
      '-A CNI-HOSTPORT-SETMARK -j MARK --set-xmark 0x2000/0x2000',
      '-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE',
      '-A CNI-HOSTPORT-DNAT -p tcp --dport 9090 -j CNI-DN-other',
      '-A CNI-DN-other -s 203.0.113.0/24 -p tcp --dport 9090 -j CNI-HOSTPORT-SETMARK',
      '-A CNI-DN-other -s 127.0.0.1 -p tcp --dport 9090 -j CNI-HOSTPORT-SETMARK',
      '-A CNI-DN-other -p tcp --dport 9090 -j DNAT --to-destination 203.0.113.3:80',
      '-A CNI-HOSTPORT-DNAT -p tcp --dport 8080 -j CNI-DN-own',
      '-A CNI-DN-own -s 203.0.113.0/24 -p tcp --dport 8080 -j CNI-HOSTPORT-SETMARK',
      '-A CNI-DN-own -s 127.0.0.1 -p tcp --dport 8080 -j CNI-HOSTPORT-SETMARK',
      '-A CNI-DN-own -p tcp --dport 8080 -j DNAT --to-destination 203.0.113.2:80',
      'COMMIT',
      '',
    ]);
    const own6 = iptables.renderChange(6, addition, []).match(/^-A CNI-(DN|HOSTPORT-DNAT).*$/gm);
    expect(own6).toEqual([
      '-A CNI-HOSTPORT-DNAT -d 2001:db8:2::1 -p udp --dport 8080 -j CNI-DN-own',
      '-A CNI-DN-own -s 2001:db8:1::/64 -d 2001:db8:2::1 -p udp --dport 8080 -j CNI-HOSTPORT-SETMARK',
      '-A CNI-DN-own -d 2001:db8:2::1 -p udp --dport 8080 -j DNAT --to-destination [2001:db8:1::2]:80',
    ]);
  });

  test('a removal deletes the chain when nothing refers to it any more', () => {
    const lines = iptables.renderChange(4, removal, []).split('\n');
    expect(lines.filter((line) => line.includes('CNI-DN-own'))).toEqual([
      ':CNI-DN-own - [0:0]',
      '-F CNI-DN-own',
      '-X CNI-DN-own',
    ]);
    expect(lines).toContain('-A CNI-HOSTPORT-DNAT -p tcp --dport 9090 -j CNI-DN-other');
  });

  test('the jumps that are missing are added, masquerade before what accepts', () => {
    expect(iptables.missingJumps(jumps.join('\n'))).toEqual([]);
    const [prerouting, , postrouting = ''] = jumps;
    expect(iptables.missingJumps(jumps[1] ?? '')).toEqual([prerouting, postrouting.replace('-A', '-I')]);
  });

  test('what is shown needs the jumps, the chain and the target', () => {
    const lines = [
      ...jumps,
      '-A CNI-HOSTPORT-DNAT -p tcp -m tcp --dport 8080 -j CNI-DN-own',
      '-A CNI-DN-own -p tcp -m tcp --dport 8080 -j DNAT --to-destination 203.0.113.2:80',
    ];
    expect(iptables.isShown('own', tcp, lines.join('\n'))).toBe(true);
    for (const line of lines) {
      expect(iptables.isShown('own', tcp, lines.filter((each) => each !== line).join('\n'))).toBe(false);
    }
  });
});

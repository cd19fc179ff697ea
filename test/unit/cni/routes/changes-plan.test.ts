import { describe, expect, test } from 'vitest';
import { planChanges } from '../../../../cni/routes/changes-plan.ts';
import { renderFdb, renderIp } from '../../../../cni/routes/render.ts';
import type { PeerRoute, Tunnel } from '../../../../cni/routes/types.ts';

const near: PeerRoute = { dst: '203.0.113.32/27', via: '198.51.100.2', dev: 'eth0', onlink: false };
const far: PeerRoute = { dst: '203.0.113.64/27', via: '203.0.113.64', dev: 'podwright.1', onlink: true };
const tunnel: Tunnel = {
  ...{ link: 'eth0', local: '198.51.100.1', mac: '0a:58:c6:33:64:01', mtu: 1450, isUp: true },
  addresses: ['203.0.113.0/32', '2001:db8:1::/128'],
  neighbours: [{ ip: '203.0.113.64', mac: '0a:58:c0:00:02:02' }],
  fdb: [{ mac: '0a:58:c0:00:02:02', dst: '192.0.2.2' }],
};
const none = { routes: [], tunnel: undefined };
const both = { routes: [near, far], tunnel };

const create =
  'link add name podwright.1 mtu 1450 address 0a:58:c6:33:64:01 type vxlan id 1 dev eth0 local 198.51.100.1 dstport 8472 nolearning';
const filled = [
  'addr replace 203.0.113.0/32 dev podwright.1',
  'addr replace 2001:db8:1::/128 dev podwright.1 nodad',
  'link set dev podwright.1 up',
  'neigh replace 203.0.113.64 lladdr 0a:58:c0:00:02:02 nud permanent dev podwright.1',
];
const farRoute = '203.0.113.64/27 via 203.0.113.64 dev podwright.1 onlink proto 112 metric 112';
const nearRoute = '203.0.113.32/27 via 198.51.100.2 dev eth0 proto 112 metric 112';
const entry = (verb: string, mac = '0a:58:c0:00:02:02', dst = '192.0.2.2'): string =>
  `fdb ${verb} ${mac} dev podwright.1 dst ${dst} self`;

const moved = { mac: '0a:58:c0:00:02:03', dst: '192.0.2.3' };
const commands = (wanted: typeof both | typeof none, have: typeof both | typeof none): readonly string[] => {
  const changes = planChanges({ ...wanted, dropAddresses: [] }, have);
  return [...renderIp(changes), ...renderFdb(changes.tunnel)];
};

describe('what is done to come', () => {
  test.each([
    ['from nothing to nothing', none, none, []],
    ['from all to all', both, both, []],
    [
      'from nothing to all',
      both,
      none,
      [create, ...filled, `route replace ${nearRoute}`, `route replace ${farRoute}`, `${entry('replace')} permanent`],
    ],
    [
      'from all to nothing: routes go with their device',
      none,
      both,
      ['link del dev podwright.1', `route del ${nearRoute}`],
    ],
    [
      'from a device that is down',
      both,
      { ...both, tunnel: { ...tunnel, isUp: false } },
      ['link set dev podwright.1 up'],
    ],
    [
      'from a device without anything',
      both,
      { routes: [near], tunnel: { ...tunnel, isUp: false, addresses: [], neighbours: [], fdb: [] } },
      [...filled, `route replace ${farRoute}`, `${entry('replace')} permanent`],
    ],
    [
      'from a device of another address: made anew with its routes',
      both,
      { ...both, tunnel: { ...tunnel, local: '198.51.100.7' } },
      ['link del dev podwright.1', create, ...filled, `route replace ${farRoute}`, `${entry('replace')} permanent`],
    ],
    [
      'to another gateway: replaced, and never missing',
      { ...both, routes: [{ ...near, via: '198.51.100.9' }, far] },
      both,
      ['route replace 203.0.113.32/27 via 198.51.100.9 dev eth0 proto 112 metric 112'],
    ],
    ['to one node less', { ...both, routes: [far] }, both, [`route del ${nearRoute}`]],
    [
      'to a node of another address behind the tunnel',
      { ...both, tunnel: { ...tunnel, neighbours: [{ ip: '203.0.113.64', mac: moved.mac }], fdb: [moved] } },
      both,
      [
        'neigh replace 203.0.113.64 lladdr 0a:58:c0:00:02:03 nud permanent dev podwright.1',
        entry('del'),
        `${entry('replace', moved.mac, moved.dst)} permanent`,
      ],
    ],
  ])('%s', (_, wanted, have, lines) => {
    expect(commands(wanted, have)).toEqual(lines);
  });

  test('to a range that was this one of this node: its address goes before', () => {
    const dropAddresses = [{ dev: 'cni0', address: '203.0.113.33/27' }];
    expect(renderIp(planChanges({ ...none, routes: [near], dropAddresses }, none))).toEqual([
      'addr del 203.0.113.33/27 dev cni0',
      `route replace ${nearRoute}`,
    ]);
  });
});

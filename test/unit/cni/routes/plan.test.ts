import { describe, expect, test } from 'vitest';
import type { HostFacts, LinkFacts, Reach } from '../../../../cni/routes/observe.ts';
import { planPeers, type RouteRequest } from '../../../../cni/routes/plan.ts';
import type { PeerNode } from '../../../../cni/routes/types.ts';

const link = (name: string, more: Partial<LinkFacts> = {}): LinkFacts => ({
  ...{ name, mtu: 1500, mac: '02:00:00:00:00:01', isUp: true, alias: undefined, addresses: [], vxlan: undefined },
  ...more,
});
const eth0 = link('eth0', { addresses: ['198.51.100.1/24', '2001:db8::1/64'] });
const onLink: Reach = { dev: 'eth0', isRouted: false, isOwn: false };
const routed: Reach = { ...onLink, isRouted: true };

const facts = (reach: Readonly<Record<string, Reach>>, links: readonly LinkFacts[] = [eth0]): HostFacts => ({
  ...{ links, routes: [] },
  reach: new Map(Object.entries(reach)),
});
const request = (peers: readonly PeerNode[], more: Partial<RouteRequest> = {}): RouteRequest => ({
  ...{ backend: 'auto', nodeIps: ['198.51.100.1', '2001:db8::1'], podCidrs: ['203.0.113.0/27'], peers },
  ...more,
});
const peer = (podCidrs: readonly string[], nodeIps: readonly string[], name = 'other'): PeerNode => ({
  ...{ name, podCidrs, nodeIps },
});
const v4 = peer(['203.0.113.32/27'], ['198.51.100.2']);
const dual = peer(['203.0.113.32/27', '2001:db8:2::/64'], ['198.51.100.2', '2001:db8::2']);

const direct = (dst: string, via: string): string => `${dst} via ${via} dev eth0`;
const wrapped = (dst: string, via: string): string => `${dst} via ${via} dev podwright.1 onlink`;
const show = (given: RouteRequest, of: HostFacts): readonly string[] =>
  planPeers(given, of).routes.map(
    ({ dst, via, dev, onlink }) => `${dst} via ${via} dev ${dev}${onlink ? ' onlink' : ''}`,
  );

describe('the way to the pods of a node', () => {
  const near = { '198.51.100.2': onLink, '2001:db8::2': onLink };
  const far = { '198.51.100.2': routed, '2001:db8::2': routed };
  const nearBoth = [direct('203.0.113.32/27', '198.51.100.2'), direct('2001:db8:2::/64', '2001:db8::2')];
  const farBoth = [wrapped('203.0.113.32/27', '203.0.113.32'), wrapped('2001:db8:2::/64', '2001:db8:2::')];

  test.each([
    ['a node on the link', dual, 'auto', near, nearBoth],
    ['a node behind a router', dual, 'auto', far, farBoth],
    ['on the link by one family only', dual, 'auto', { ...far, '2001:db8::2': onLink }, [farBoth[0], nearBoth[1]]],
    [
      'IPv6 pods of a node with IPv4 only',
      { ...dual, nodeIps: ['198.51.100.2'] },
      'auto',
      near,
      [nearBoth[0], farBoth[1]],
    ],
    ['always by a tunnel', dual, 'vxlan', near, farBoth],
    ['by a tunnel, whatever routes there are', v4, 'vxlan', {}, farBoth.slice(0, 1)],
    ['never by a tunnel', v4, 'host-gw', far, []],
    ['no route to the node', v4, 'auto', {}, []],
    ['a Node of an earlier name of this host', v4, 'auto', { '198.51.100.2': { ...onLink, isOwn: true } }, []],
    [
      'a node that is found through the tunnel',
      v4,
      'auto',
      { '198.51.100.2': { ...onLink, dev: 'podwright.1' } },
      farBoth.slice(0, 1),
    ],
  ] as const)('%s', (_, node, backend, reach, wanted) => {
    expect(show(request([node], { backend }), facts(reach))).toEqual(wanted);
  });

  const unreachable = 'pods of node other (203.0.113.32/27) cannot be reached: ';
  test.each([
    [v4, 'auto', {}, [`${unreachable}no route to 198.51.100.2`]],
    [v4, 'host-gw', far, [`${unreachable}198.51.100.2 is not on a link of this host, and network.backend is host-gw`]],
    [{ ...v4, nodeIps: [] }, 'auto', {}, [`${unreachable}the node has no InternalIP`]],
    [
      { ...v4, nodeIps: ['2001:db8::2'] },
      'auto',
      far,
      [`${unreachable}2001:db8::2 is of another family than 198.51.100.1`],
    ],
    [v4, 'auto', near, []],
    [{ ...v4, podCidrs: [] }, 'auto', near, []],
  ] as const)('what is told of %j by %s', (node, backend, reach, wanted) => {
    expect(planPeers(request([node], { backend }), facts(reach)).problems).toEqual(wanted);
  });

  test('without a link of the own address', () => {
    const { problems, podMtu } = planPeers(request([v4]), facts(far, []));
    expect(problems).toEqual([`${unreachable}no link of this host has the address of this node`]);
    expect(podMtu).toBeUndefined();
  });
});

describe('a range that is taken', () => {
  const reach = { '198.51.100.2': onLink, '198.51.100.3': onLink };
  test.each([
    ['203.0.113.16/28', 'the range of this node'],
    ['0.0.0.0/0', 'the range of this node'],
    ['198.51.100.0/24', 'the address 198.51.100.1 of a node'],
  ])('%s gets no route', (cidr, what) => {
    const { routes, problems } = planPeers(request([{ ...v4, podCidrs: [cidr] }]), facts(reach));
    expect({ routes, problems }).toEqual({ routes: [], problems: [`podCIDR ${cidr} of node other overlaps ${what}`] });
  });

  test('of two nodes is that of the first by name', () => {
    const [a, b] = ['198.51.100.2', '198.51.100.3'].map((ip, at) => peer(['203.0.113.32/27'], [ip], `n${at}`));
    for (const peers of [
      [a, b],
      [b, a],
    ]) {
      const given = request(peers.flatMap((one) => one ?? []));
      expect(show(given, facts(reach))).toEqual([direct('203.0.113.32/27', '198.51.100.2')]);
      expect(planPeers(given, facts(reach)).problems).toEqual([
        'podCIDR 203.0.113.32/27 of node n1 overlaps the range of node n0',
      ]);
    }
  });
});

describe('the tunnel', () => {
  const far = { '198.51.100.2': routed, '2001:db8::2': routed };

  test('knows the nodes behind it, once each', () => {
    expect(planPeers(request([dual], { podCidrs: ['203.0.113.0/27', '2001:db8:1::/64'] }), facts(far)).tunnel).toEqual({
      ...{ link: 'eth0', local: '198.51.100.1', mac: '0a:58:c6:33:64:01', mtu: 1450, isUp: true },
      addresses: ['203.0.113.0/32', '2001:db8:1::/128'],
      neighbours: [
        { ip: '203.0.113.32', mac: '0a:58:c6:33:64:02' },
        { ip: '2001:db8:2::', mac: '0a:58:c6:33:64:02' },
      ],
      fdb: [{ mac: '0a:58:c6:33:64:02', dst: '198.51.100.2' }],
    });
  });

  test.each([
    ['no tunnel', [v4], 'auto', ['198.51.100.1'], { '198.51.100.2': onLink }, 1500, undefined],
    ['over IPv4', [v4], 'auto', ['2001:db8::1', '198.51.100.1'], far, 1450, 'auto'],
    ['over IPv6', [dual], 'auto', ['2001:db8::1'], far, 1430, 'auto'],
    ['on a cluster of one node', [], 'vxlan', ['198.51.100.1'], {}, 1450, 'vxlan'],
    ['on a cluster of one node', [], 'auto', ['198.51.100.1'], {}, 1500, undefined],
  ] as const)('leaves room in packets: %s, %j by %s', (_, peers, backend, nodeIps, reach, podMtu, tunnel) => {
    const plan = planPeers(request(peers, { backend, nodeIps }), facts(reach));
    expect([plan.podMtu, plan.tunnel?.mtu]).toEqual([podMtu, tunnel === undefined ? undefined : podMtu]);
  });

  test('follows a link of jumbo frames', () => {
    const jumbo = { ...eth0, mtu: 9000 };
    expect(planPeers(request([v4]), facts(far, [jumbo])).podMtu).toBe(8950);
  });
});

describe('addresses of a former range on the bridge', () => {
  const addresses = ['203.0.113.1/27', '203.0.113.33/27', '203.0.113.65/27'];
  const reach = { '198.51.100.2': onLink };

  test('go when the range is that of another node now', () => {
    const bridge = link('cni0', { alias: 'podwright', addresses });
    expect(planPeers(request([v4]), facts(reach, [eth0, bridge])).dropAddresses).toEqual([
      { dev: 'cni0', address: '203.0.113.33/27' },
    ]);
  });

  test('stay on a bridge of somebody else', () => {
    const bridge = link('cni0', { addresses });
    expect(planPeers(request([v4]), facts(reach, [eth0, bridge])).dropAddresses).toEqual([]);
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureRoutes, removeRoutes } from '../../../cni/routes/index.ts';
import type { RouteRequest } from '../../../cni/routes/plan.ts';
import type { ExecRequest } from '../../../cni/util/exec.ts';
import { createNamespaces, type Namespaces } from './namespaces.ts';

/*
 *   host 198.51.100.1 --- router 198.51.100.254, 192.0.2.254 --- far 192.0.2.2
 *        +-- near 198.51.100.2, as an address of the router's namespace
 */
const never = new AbortController().signal;
let spaces: Namespaces;
let far: Namespaces;
let ran: ExecRequest[];

const near = {
  name: 'near',
  podCidrs: ['203.0.113.64/27', '2001:db8:2::/64'],
  nodeIps: ['198.51.100.2', '2001:db8::2'],
};
const distant = { name: 'distant', podCidrs: ['203.0.113.96/27', '2001:db8:3::/64'], nodeIps: ['192.0.2.2'] };
const request = (more: Partial<RouteRequest> = {}): RouteRequest => ({
  ...{ backend: 'auto', nodeIps: ['198.51.100.1', '2001:db8::1'], peers: [near, distant] },
  podCidrs: ['203.0.113.32/27', '2001:db8:1::/64'],
  ...more,
});
const ensure = (more?: Partial<RouteRequest>, at = spaces): ReturnType<typeof ensureRoutes> =>
  ensureRoutes(
    request(more),
    (given, signal) => {
      ran.push(given);
      return at.exec(given, signal);
    },
    never,
  );
const shown = (): string[] =>
  ['-4', '-6'].flatMap((family) =>
    spaces
      .run(spaces.host, 'ip', family, 'route', 'show', 'proto', '112')
      .split('\n')
      .map((line) => line.replace(/ pref medium/, '').trim())
      .filter((line) => line !== ''),
  );
/** The tunnel's device and all that it knows, but for what the kernel numbers. */
const device = (): readonly string[] =>
  [
    ['ip', '-d', '-o', 'addr', 'show', 'dev', 'podwright.1'],
    ['ip', '-d', '-o', 'link', 'show', 'dev', 'podwright.1'],
    ['ip', 'neigh', 'show', 'dev', 'podwright.1', 'nud', 'permanent'],
    ['ip', '-6', 'neigh', 'show', 'dev', 'podwright.1', 'nud', 'permanent'],
    ['bridge', 'fdb', 'show', 'dev', 'podwright.1'],
    ['ip', 'route', 'show', 'proto', '112'],
  ].flatMap(([file = '', ...args]) =>
    spaces
      .run(spaces.host, file, ...args)
      .split('\n')
      .filter((line) => !line.includes('fe80:'))
      .map((line) => line.replace(/^\d+: /, '').trim())
      .sort(),
  );
const ip = (namespace: string, ...lines: readonly string[]): void => {
  for (const line of lines) spaces.run(namespace, 'ip', ...line.split(' '));
};

const nearRoutes = [
  '203.0.113.64/27 via 198.51.100.2 dev eth0 metric 112',
  '2001:db8:2::/64 via 2001:db8::2 dev eth0 metric 112',
];

beforeEach(() => {
  ran = [];
  spaces = createNamespaces('routes');
  far = createNamespaces('routes-far');
  const [router = ''] = spaces.addPods(1);
  ip(spaces.host, `link add eth0 type veth peer name eth0 netns ${router}`);
  ip(far.host, `link add eth0 type veth peer name eth1 netns ${router}`);
  ip(spaces.host, 'addr add 198.51.100.1/24 dev eth0', 'addr add 2001:db8::1/64 dev eth0 nodad', 'link set eth0 up');
  ip(router, 'addr add 198.51.100.254/24 dev eth0', 'addr add 198.51.100.2/24 dev eth0', 'link set eth0 up');
  ip(router, 'addr add 2001:db8::2/64 dev eth0 nodad', 'addr add 192.0.2.254/24 dev eth1', 'link set eth1 up');
  ip(far.host, 'addr add 192.0.2.2/24 dev eth0', 'link set eth0 up', 'route add default via 192.0.2.254');
  spaces.run(router, 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1');
});
afterEach(() => {
  spaces.remove();
  far.remove();
});

describe.skipIf(process.getuid?.() !== 0)('routes to pods of other nodes', () => {
  test('through the node on a link; of nodes that there is no way to it is told why', async () => {
    const unreachable = (why: string): readonly string[] =>
      distant.podCidrs.map((cidr) => `pods of node distant (${cidr}) cannot be reached: ${why}`);
    expect((await ensure()).problems).toEqual(unreachable('no route to 192.0.2.2'));
    expect(shown()).toEqual(nearRoutes);
    expect((await ensure({ backend: 'host-gw' })).problems).toEqual(
      unreachable('192.0.2.2 is not on a link of this host, and network.backend is host-gw'),
    );
    expect(shown()).toEqual(nearRoutes);
    expect(await spaces.linkNames()).not.toContain('podwright.1');
  });

  test('routes that went with their link are there again when it is', async () => {
    await ensure({ peers: [near] });
    ip(spaces.host, 'link set eth0 down');
    expect((await ensure({ peers: [near] })).problems).not.toEqual([]);
    expect(shown()).toEqual([]);
    ip(spaces.host, 'link set eth0 up', 'addr replace 2001:db8::1/64 dev eth0 nodad');
    expect((await ensure({ peers: [near] })).problems).toEqual([]);
    expect(shown()).toEqual(nearRoutes);
  });

  test('a device that a killed daemon has just made, or that is of another VNI, is made whole', async () => {
    ip(spaces.host, 'route add default via 198.51.100.254');
    await ensure();
    const whole = device();
    ip(spaces.host, 'link set podwright.1 down', 'addr flush dev podwright.1');
    await ensure();
    expect(device()).toEqual(whole);
    ip(spaces.host, 'link del podwright.1');
    ip(spaces.host, 'link add podwright.1 type vxlan id 7 dev eth0 local 198.51.100.1 dstport 4789');
    await ensure();
    expect(device()).toEqual(whole);
    expect(whole.join()).toContain('vxlan id 1 local 198.51.100.1 dev eth0 srcport 0 0 dstport 8472 nolearning');
  });

  test('the bridge gives up the address of a former range that is a range of another node now', async () => {
    const bridge = 'link add cni0 type bridge';
    const addresses = (): string =>
      spaces.run(spaces.host, 'ip', '-o', 'addr', 'show', 'dev', 'cni0', 'scope', 'global');
    ip(
      spaces.host,
      bridge,
      'link set cni0 up',
      'addr add 203.0.113.65/27 dev cni0',
      'addr add 203.0.113.33/27 dev cni0',
    );
    await ensure({ peers: [near] });
    expect(addresses()).toContain('203.0.113.65/27');
    ip(spaces.host, 'link set cni0 alias podwright');
    await ensure({ peers: [near] });
    expect(addresses()).not.toContain('203.0.113.65/27');
    expect(addresses()).toContain('203.0.113.33/27');
  });

  test('what is as it should be costs one process; routes of others stay', async () => {
    ip(spaces.host, 'route add 203.0.113.128/27 via 198.51.100.2', 'route add 203.0.113.64/27 via 198.51.100.254');
    await ensure({ peers: [near] });
    ran = [];
    await ensure({ peers: [near] });
    expect(ran).toHaveLength(1);
    const moved = { ...near, podCidrs: near.podCidrs.slice(0, 1), nodeIps: ['198.51.100.9'] };
    await ensure({ peers: [moved] });
    expect(shown()).toEqual(['203.0.113.64/27 via 198.51.100.9 dev eth0 metric 112']);
    await ensure({ peers: [] });
    expect(shown()).toEqual([]);
    const others = spaces.run(spaces.host, 'ip', 'route', 'show', 'root', '203.0.113.0/24');
    expect(others.trim().split('\n')).toHaveLength(2);
  });

  test('packets for a node behind a router are wrapped, in both families, with room for the wrapping', async () => {
    ip(spaces.host, 'route add default via 198.51.100.254');
    const here = { name: 'here', podCidrs: request().podCidrs, nodeIps: request().nodeIps };
    const there = { nodeIps: distant.nodeIps, podCidrs: distant.podCidrs, peers: [here] };
    expect((await ensure()).podMtu).toBe(1450);
    await ensure(there, far);
    // Addresses of pods, as far as the routes are concerned.
    ip(spaces.host, 'link set lo up', 'addr add 203.0.113.33/32 dev lo', 'addr add 2001:db8:1::9/128 dev lo nodad');
    ip(far.host, 'link set lo up', 'addr add 203.0.113.97/32 dev lo', 'addr add 2001:db8:3::9/128 dev lo nodad');
    const ping = (from: string, to: string): string =>
      spaces.run(spaces.host, 'busybox', 'ping', '-q', '-c', '1', '-W', '10', '-s', '1300', '-I', from, to);
    expect(ping('203.0.113.33', '203.0.113.97')).toContain('1 packets received');
    expect(ping('2001:db8:1::9', '2001:db8:3::9')).toContain('1 packets received');
    // What the host itself sends comes from an address of its pods' range, so that the answer finds the tunnel.
    expect(spaces.run(spaces.host, 'ip', 'route', 'get', '203.0.113.97')).toContain('src 203.0.113.32');
    ran = [];
    await ensure();
    expect(ran.filter(({ args }) => args.includes('-force'))).toHaveLength(1);
  });

  test('the device goes with the last node that needs it, and follows another address of this node', async () => {
    ip(spaces.host, 'route add default via 198.51.100.254', 'addr add 198.51.100.7/24 dev eth0');
    await ensure();
    await ensure({ nodeIps: ['198.51.100.7'] });
    expect(spaces.run(spaces.host, 'ip', '-d', 'link', 'show', 'podwright.1')).toContain('local 198.51.100.7 ');
    expect(shown()).toContain('203.0.113.96/27 via 203.0.113.96 dev podwright.1 metric 112 onlink');
    await ensure({ peers: [near] });
    expect(await spaces.linkNames()).not.toContain('podwright.1');
    expect(shown()).toEqual(nearRoutes);
    await removeRoutes(spaces.exec, never);
    expect(shown()).toEqual([]);
  });
});

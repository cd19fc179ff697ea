import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createBridgePlugin } from '../../../cni/bridge/index.ts';
import { ensureForwarding } from '../../../cni/forwarding/index.ts';
import { attachmentKey, type BuiltInPlugin, type PluginRequest } from '../../../cni/plugin.ts';
import { createPortmapPlugin } from '../../../cni/portmap/index.ts';
import type { CniResult, PortMapping } from '../../../cni/spec/types.ts';
import type { Exec } from '../../../cni/util/exec.ts';
import { bridgeConfig } from '../../unit/cni/bridge/fixtures.ts';
import { createNamespaces, type Namespaces, netnsPath } from './namespaces.ts';
import { ask, connectPeer, type Peer, type Question, serve } from './traffic.ts';

const never = new AbortController().signal;
const gateways = ['203.0.113.1', '2001:db8:1::1'];

let spaces: Namespaces;
let peer: Peer;
let dataDir: string;
let ran: string[];
let servers: { stop: () => void }[];
let warnings: string[];

const exec: Exec = (request, signal) => {
  ran.push(request.file);
  return spaces.exec(request, signal);
};
const setSysctl = (name: string, value: string): Promise<void> => {
  spaces.run(spaces.host, 'sysctl', '-q', '-w', `${name}=${value}`);
  return Promise.resolve();
};
const deps = () => ({
  exec,
  dataDir,
  setSysctl,
  linkNames: spaces.linkNames,
  onWarning: (message: string) => warnings.push(message),
});
const mapping = (hostPort: number, more: Partial<PortMapping> = {}): PortMapping => ({
  protocol: 'TCP',
  containerPort: 80,
  hostPort,
  hostIp: '',
  ...more,
});

beforeEach(async () => {
  spaces = createNamespaces('portmap');
  dataDir = mkdtempSync(join(tmpdir(), 'portmap-'));
  ran = [];
  servers = [];
  warnings = [];
  peer = connectPeer(spaces);
  for (const command of ['iptables', 'ip6tables']) spaces.run(spaces.host, command, '-P', 'FORWARD', 'DROP');
  const cidrs = ['203.0.113.0/24', '2001:db8:1::/64'];
  const networks = [{ network: 'net', cidrs, masquerade: true }];
  await ensureForwarding({ networks, exec, setSysctl }, never);
});
afterEach(() => {
  for (const server of servers) server.stop();
  spaces.remove();
  rmSync(dataDir, { recursive: true });
});

describe.skipIf(process.getuid?.() !== 0).each(['nftables', 'iptables'])('host ports by %s', (backend) => {
  const config = { type: 'portmap', backend };
  let portmap: BuiltInPlugin;
  beforeEach(() => {
    portmap = createPortmapPlugin(deps());
  });

  const request = (pod: string, portMappings: readonly PortMapping[], prevResult?: CniResult): PluginRequest => ({
    cniVersion: '1.1.0',
    network: 'net',
    config,
    containerId: `id-${pod}`,
    netns: netnsPath(pod),
    ifName: 'eth0',
    pod: { name: pod, namespace: 'default', uid: pod },
    portMappings,
    prevResult,
  });

  /** A pod with an address of each family and a server on port 80. */
  async function addPod(...portMappings: readonly PortMapping[]): Promise<{ name: string; added: PluginRequest }> {
    const [name = ''] = spaces.addPods(1);
    const bridge = createBridgePlugin(deps());
    const result = await bridge.add({ ...request(name, []), config: bridgeConfig({ hairpinMode: true }) }, never);
    servers.push(await serve(name, 80));
    const added = request(name, portMappings, result);
    await portmap.add(added, never);
    return { name, added };
  }
  const rules = (): string =>
    backend === 'nftables'
      ? spaces.run(spaces.host, 'nft', 'list', 'table', 'inet', 'podwright_hostport')
      : ['iptables-save', 'ip6tables-save']
          .map((file) => spaces.run(spaces.host, file, '-t', 'nat'))
          .join('')
          .replace(/^#.*/gm, '');
  const flush = (): void => {
    for (const command of ['iptables', 'ip6tables']) {
      for (const verb of ['-F', '-X']) spaces.run(spaces.host, command, '-t', 'nat', verb);
    }
    if (backend === 'nftables') spaces.run(spaces.host, 'nft', 'delete', 'table', 'inet', 'podwright_hostport');
  };
  const answers = (questions: readonly Question[]): string[] => questions.map((question) => ask(spaces, question));

  test('lead to the pod from everywhere, and the answers come back', async () => {
    const { name: pod } = await addPod(mapping(8080), mapping(5353, { protocol: 'UDP' }));
    const { name: other } = await addPod();
    const [v4 = '', v6 = ''] = peer.hostAddresses;
    const cases = (['TCP', 'UDP'] as const).flatMap((transport) => {
      const port = transport === 'TCP' ? 8080 : 5353;
      return [
        // The peer keeps its address.
        { from: peer.name, to: v4, transport, port, source: peer.addresses[0] },
        { from: peer.name, to: v6, transport, port, source: peer.addresses[1] },
        { from: spaces.host, to: v4, transport, port, source: v4 },
        { from: spaces.host, to: v6, transport, port, source: v6 },
        { from: spaces.host, to: '127.0.0.1', transport, port, source: gateways[0] },
        // The pod itself, and one on the same bridge: answers that went straight back would be of a stranger.
        ...[pod, other].flatMap((from) => [
          { from, to: v4, transport, port, source: gateways[0] },
          { from, to: v6, transport, port, source: gateways[1] },
        ]),
      ];
    });
    expect(answers(cases)).toEqual(cases.map(({ source }) => `${pod} ${source ?? ''}`));
    expect(warnings).toEqual([]);
  });

  test('pods that talk to one another directly keep their addresses', async () => {
    const { name: pod, added } = await addPod(mapping(80));
    const { name: other } = await addPod();
    const ips = added.prevResult?.ips?.map(({ address }) => address.split('/')[0] ?? '') ?? [];
    expect(answers(ips.map((to) => ({ from: other, to, port: 80 })))).toEqual([
      `${pod} 203.0.113.3`,
      `${pod} 2001:db8:1::3`,
    ]);
  });

  test('on one address of the host answer there only, however it is written', async () => {
    const [v4 = '', v6 = ''] = peer.hostAddresses;
    spaces.run(spaces.host, 'ip', 'addr', 'add', '198.51.100.9/24', 'dev', 'up0');
    spaces.run(spaces.host, 'ip', 'addr', 'add', '2001:db8:2::9/64', 'dev', 'up0', 'nodad');
    const { name: one, added } = await addPod(
      mapping(8080, { hostIp: v4 }),
      mapping(8080, { hostIp: '2001:DB8:2:0::1' }),
    );
    const { name: two } = await addPod(mapping(8080, { hostIp: '198.51.100.9' }));
    const tos = [v4, v6, '198.51.100.9', '2001:db8:2::9'];
    const got = answers(tos.map((to) => ({ from: peer.name, to, port: 8080 })));
    expect(got.map((text) => text.split(' ')[0])).toEqual([one, one, two, 'no']);
    await portmap.check(added, never);
    await expect(addPod(mapping(8080, { hostIp: v6 }))).rejects.toThrow(`host port tcp/${v6}:8080 is taken`);
  });

  test('a pod with NET_ADMIN does not reach what listens on the loopback of the host only (CVE-2020-8558)', async () => {
    const { name: pod, added } = await addPod(mapping(8080));
    servers.push(await serve(spaces.host, 7777));
    const attack = (): string[] => [
      ask(spaces, { from: pod, to: '127.0.0.1', port: 7777, waitMs: 500 }),
      ask(spaces, { from: pod, to: '127.0.0.1', port: 7777, transport: 'UDP', waitMs: 500 }),
    ];
    spaces.run(pod, 'sysctl', '-q', '-w', 'net.ipv4.conf.eth0.route_localnet=1', 'net.ipv4.conf.all.route_localnet=1');
    spaces.run(pod, 'ip', 'addr', 'flush', 'dev', 'lo');
    spaces.run(pod, 'ip', 'rule', 'add', 'pref', '1', 'to', '127.0.0.1', 'lookup', '100');
    spaces.run(pod, 'ip', 'route', 'add', '127.0.0.1', 'via', '203.0.113.1', 'dev', 'eth0', 'table', '100');
    expect(attack()).toEqual(['no answer', 'no answer']);
    expect(ask(spaces, { from: spaces.host, to: '127.0.0.1', port: 8080 })).toBe(`${pod} 203.0.113.1`);
    // The last host port is gone, and the firewall is reloaded: the sysctl is still on.
    await portmap.del(added, never);
    spaces.run(spaces.host, 'nft', 'flush', 'ruleset');
    expect(attack()).toEqual([`${spaces.host} 203.0.113.2`, `${spaces.host} 203.0.113.2`]);
    await portmap.gc('net', config, new Set(), never);
    expect(attack()).toEqual(['no answer', 'no answer']);
  });

  test('a pod that wants one port twice is refused alone', async () => {
    const { name } = await addPod(mapping(8080));
    const twice = [mapping(9090), mapping(9090, { hostIp: '0.0.0.0', containerPort: 81 })];
    await expect(addPod(...twice)).rejects.toThrow('host port tcp/9090 leads to container ports 80 and 81 of one pod');
    const { name: next } = await addPod(mapping(9090));
    const got = answers([8080, 9090].map((port) => ({ from: peer.name, to: '198.51.100.1', port })));
    expect(got).toEqual([`${name} 198.51.100.2`, `${next} 198.51.100.2`]);
  });

  test('host ports of the reference plugin stay, whatever podwright does', async () => {
    spaces.run(
      spaces.host,
      'nft',
      'add table inet cni_hostport; add map inet cni_hostport hostports { type inet_service : inet_service ; elements = { 7070 : 80 } ; }',
    );
    spaces.run(spaces.host, 'iptables', '-t', 'nat', '-N', 'CNI-HOSTPORT-DNAT');
    spaces.run(
      spaces.host,
      'iptables',
      '-t',
      'nat',
      '-A',
      'CNI-HOSTPORT-DNAT',
      '-p',
      'tcp',
      '--dport',
      '7070',
      '-j',
      'RETURN',
    );
    const foreign = (): string =>
      spaces.run(spaces.host, 'nft', 'list', 'table', 'inet', 'cni_hostport') +
      spaces.run(spaces.host, 'iptables', '-t', 'nat', '-S', 'CNI-HOSTPORT-DNAT');
    const before = foreign();
    const { added } = await addPod(mapping(8080));
    await portmap.gc('net', config, new Set([attachmentKey(added.containerId, 'eth0')]), never);
    await portmap.del(added, never);
    expect(foreign()).toBe(before);
  });

  test('a port that is taken is refused by its name; the other protocol is free', async () => {
    const { name } = await addPod(mapping(8080));
    await addPod(mapping(8080, { protocol: 'UDP' }));
    await expect(addPod(mapping(8080))).rejects.toMatchObject({
      name: 'CniError',
      message: `portmap: host port tcp/8080 is taken by sandbox id-${name}`,
    });
  });

  test('ADD and DEL may be repeated; DEL takes away its own and nothing else', async () => {
    const { added: kept, name } = await addPod(mapping(8080));
    const before = rules();
    const { added } = await addPod(mapping(9090), mapping(9090, { protocol: 'UDP' }));
    const both = rules();
    await portmap.add(added, never);
    expect(rules()).toBe(both);
    await portmap.del(added, never);
    await portmap.del({ ...added, netns: undefined, prevResult: undefined, portMappings: [] }, never);
    expect(rules()).toBe(before);
    expect(ask(spaces, { from: peer.name, to: '198.51.100.1', port: 8080 })).toBe(`${name} 198.51.100.2`);
    await portmap.check(kept, never);
  });

  test('a UDP client that goes on sending reaches the pod that took the port over', async () => {
    const udp = mapping(5353, { protocol: 'UDP' });
    const { added: old } = await addPod(udp);
    const question = { from: peer.name, to: '198.51.100.1', port: 5353, transport: 'UDP' } as const;
    expect(ask(spaces, question)).toMatch(old.pod.name);
    await portmap.del(old, never);
    const { name } = await addPod(udp);
    expect(ask(spaces, question)).toBe(`${name} 198.51.100.2`);
    expect(spaces.run(spaces.host, 'conntrack', '-L', '-p', 'udp')).not.toContain('src=203.0.113.2');
  });

  test('CHECK passes when all is there, and tells when the firewall was flushed; GC makes it whole', async () => {
    const { name, added } = await addPod(mapping(8080));
    await portmap.check(added, never);
    flush();
    await expect(portmap.check(added, never)).rejects.toMatchObject({
      name: 'CniError',
      message: 'portmap: the rule of host port tcp/8080 is missing',
    });
    await portmap.gc('net', config, new Set([attachmentKey(`id-${name}`, 'eth0')]), never);
    await portmap.check(added, never);
    expect(ask(spaces, { from: peer.name, to: '198.51.100.1', port: 8080 })).toBe(`${name} 198.51.100.2`);
  });

  test('GC takes away what belongs to containers that are gone, also of a daemon that was killed', async () => {
    const { added: kept } = await addPod(mapping(8080));
    const before = rules();
    await addPod(mapping(9090));
    portmap = createPortmapPlugin(deps());
    await portmap.gc('net', config, new Set([attachmentKey(kept.containerId, 'eth0')]), never);
    expect(rules()).toBe(before);
    expect(readdirSync(join(dataDir, '.hostports'))).toEqual([kept.containerId]);
    await addPod(mapping(9090));
  });

  test("rules of a daemon whose directory is gone are in nobody's way", async () => {
    await addPod(mapping(8080));
    rmSync(join(dataDir, '.hostports'), { recursive: true });
    portmap = createPortmapPlugin(deps());
    const { name } = await addPod(mapping(8080));
    // The iptables backend does not know the old pod's chain any more; what leads there must be gone all the same.
    expect(ask(spaces, { from: peer.name, to: '198.51.100.1', port: 8080 })).toBe(`${name} 198.51.100.2`);
  });

  test('networks share the ports of the host, and leave each other alone', async () => {
    const { name } = await addPod(mapping(8080));
    const result = { cniVersion: '1.1.0', ips: [{ address: '203.0.113.200/24' }] };
    const foreign = (port: number): PluginRequest => ({ ...request('far', [mapping(port)], result), network: 'far' });
    await expect(portmap.add(foreign(8080), never)).rejects.toThrow(
      `host port tcp/8080 is taken by sandbox id-${name}`,
    );
    await portmap.add(foreign(9090), never);
    await portmap.del(foreign(9090), never);
    expect(ask(spaces, { from: peer.name, to: '198.51.100.1', port: 8080 })).toBe(`${name} 198.51.100.2`);
  });

  test('many pods at one time', async () => {
    const [pod] = [await addPod(mapping(7999))];
    ran = [];
    const all = Array.from({ length: 30 }, (_, index) =>
      request(`p${index}`, [mapping(8000 + index)], {
        cniVersion: '1.1.0',
        ips: [{ address: `203.0.113.${100 + index}/24` }],
      }),
    );
    await Promise.all(all.map((added) => portmap.add(added, never)));
    expect(ran).toHaveLength(30);
    for (const added of all) await portmap.check(added, never);
    // Some go while others come: neither takes the other's rules away, nor brings them back.
    const [going, staying] = [all.slice(0, 15), all.slice(15)];
    await Promise.all(all.map((each, index) => (index < 15 ? portmap.del(each, never) : portmap.add(each, never))));
    for (const added of staying) await portmap.check(added, never);
    for (const added of going) await expect(portmap.check(added, never)).rejects.toThrow('is missing');
    await Promise.all(staying.map((added) => portmap.del(added, never)));
    expect(rules()).not.toMatch(/\b80[0-2]\d\b/);
    expect(ask(spaces, { from: peer.name, to: '198.51.100.1', port: 7999 })).toBe(`${pod.name} 198.51.100.2`);
  });
});

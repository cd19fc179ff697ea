import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createBridgePlugin } from '../../../cni/bridge/index.ts';
import { hostLinkName } from '../../../cni/bridge/names.ts';
import { attachmentKey, type BuiltInPlugin, type PluginRequest } from '../../../cni/plugin.ts';
import type { CniResult, PluginConfig } from '../../../cni/spec/types.ts';
import type { Exec, ExecRequest } from '../../../cni/util/exec.ts';
import { createNamespaces, type Namespaces, netnsPath } from './namespaces.ts';

const never = new AbortController().signal;

const config: PluginConfig = {
  type: 'bridge',
  bridge: 'cni0',
  isDefaultGateway: true,
  hairpinMode: true,
  ipam: { type: 'host-local', ranges: [[{ subnet: '203.0.113.0/24' }], [{ subnet: '2001:db8:1::/64' }]] },
};

let spaces: Namespaces;
let dataDir: string;
let plugin: BuiltInPlugin;
let ran: ExecRequest[];

const pluginWith = (exec: Exec, linkNames = spaces.linkNames): BuiltInPlugin =>
  createBridgePlugin({ exec, dataDir, linkNames, onWarning: () => undefined });
const recorded: Exec = (request, signal) => {
  ran.push(request);
  return spaces.exec(request, signal);
};
const request = (pod: string, more: Partial<PluginRequest> = {}): PluginRequest => ({
  cniVersion: '1.1.0',
  network: 'net',
  config,
  containerId: `id-${pod}`,
  netns: netnsPath(pod),
  ifName: 'eth0',
  pod: { name: pod, namespace: 'default', uid: pod },
  portMappings: [],
  prevResult: undefined,
  ...more,
});
const add = (pod: string, more?: Partial<PluginRequest>): Promise<CniResult> => plugin.add(request(pod, more), never);
const del = (pod: string, more?: Partial<PluginRequest>): Promise<void> => plugin.del(request(pod, more), never);
const addressesOf = ({ ips = [] }: CniResult): string[] => ips.map(({ address }) => address.split('/')[0] ?? '');
/** One packet. It may wait for a second ARP request: a busy kernel gives a new bridge its carrier a little after `up`. */
const ping = (from: string, ...to: readonly string[]): void => {
  for (const address of to) spaces.run(from, 'busybox', 'ping', '-q', '-c', '1', '-W', '3', address);
};

/** What pods have left on the host: links that are neither the bridge nor of a new namespace, and leases. */
const leftovers = async (): Promise<string[]> => {
  const known = new Set(['all', 'default', 'lo', 'cni0']);
  const links = (await spaces.linkNames()).filter((name) => !known.has(name));
  const directory = join(dataDir, 'net');
  const files = existsSync(directory) ? readdirSync(directory) : [];
  return [...links, ...files.filter((name) => !name.startsWith('last_reserved_ip.'))];
};

beforeEach(() => {
  spaces = createNamespaces('bridge');
  dataDir = mkdtempSync(join(tmpdir(), 'bridge-'));
  ran = [];
  plugin = pluginWith(recorded);
});
afterEach(() => {
  spaces.remove();
  rmSync(dataDir, { recursive: true });
});

describe.skipIf(process.getuid?.() !== 0)('the bridge plugin', () => {
  test('attaches a pod by two processes, and says what it made', async () => {
    const [pod = ''] = spaces.addPods(1);
    const result = await add(pod);
    expect(ran.map(({ file, args }) => [file, ...args])).toEqual([
      ['ip', '-batch', '-'],
      ['nsenter', `--net=${netnsPath(pod)}`, 'ip', '-batch', '-'],
    ]);
    expect(result).toEqual({
      cniVersion: '1.1.0',
      interfaces: [
        { name: 'cni0', mac: '0a:58:cb:00:71:01' },
        { name: hostLinkName(`id-${pod}`, 'eth0') },
        { name: 'eth0', mac: '0a:58:cb:00:71:02', sandbox: netnsPath(pod) },
      ],
      ips: [
        { address: '203.0.113.2/24', gateway: '203.0.113.1', interface: 2 },
        { address: '2001:db8:1::2/64', gateway: '2001:db8:1::1', interface: 2 },
      ],
      routes: [
        { dst: '0.0.0.0/0', gw: '203.0.113.1' },
        { dst: '::/0', gw: '2001:db8:1::1' },
      ],
    });
    const macOf = (namespace: string, link: string): string =>
      /link\/ether (\S+)/.exec(spaces.run(namespace, 'ip', 'link', 'show', link))?.[1] ?? '';
    expect([macOf(spaces.host, 'cni0'), macOf(pod, 'eth0')]).toEqual(
      result.interfaces?.flatMap(({ mac }) => mac ?? []),
    );
    expect(spaces.run(pod, 'ip', 'route', 'show', 'default')).toContain('default via 203.0.113.1 dev eth0');
    expect(spaces.run(pod, 'ip', '-6', 'route', 'show', 'default')).toContain('default via 2001:db8:1::1 dev eth0');
  });

  test('addresses are usable at once, without duplicate address detection', async () => {
    const [pod = ''] = spaces.addPods(1);
    await add(pod);
    const shown = spaces.run(pod, 'ip', '-6', 'addr', 'show', 'dev', 'eth0', 'scope', 'global');
    expect(shown).toContain('2001:db8:1::2/64');
    // The bridge's link-local address counts too: from it the host looks for pods when it forwards to them.
    const ofBridge = spaces.run(spaces.host, 'ip', '-6', 'addr', 'show', 'dev', 'cni0');
    expect(ofBridge.match(/inet6 \S+/g)).toEqual(['inet6 2001:db8:1::1/64', 'inet6 fe80::858:cbff:fe00:7101/64']);
    expect(shown + ofBridge).not.toContain('tentative');
  });

  test('pods reach one another, themselves and the gateway', async () => {
    const [one = '', two = ''] = spaces.addPods(2);
    const results = [await add(one), await add(two)];
    const all = results.flatMap(addressesOf);
    expect(all).toEqual(['203.0.113.2', '2001:db8:1::2', '203.0.113.3', '2001:db8:1::3']);
    for (const pod of [one, two]) ping(pod, ...all, '203.0.113.1', '2001:db8:1::1', '127.0.0.1');
    ping(spaces.host, ...all);
    const port = spaces.run(spaces.host, 'ip', '-d', 'link', 'show', hostLinkName(`id-${one}`, 'eth0'));
    expect(port).toContain('hairpin on');
  });

  test('the bridge keeps its hardware address when ports come and go', async () => {
    const [one = '', two = ''] = spaces.addPods(2);
    const mac = (): string => spaces.run(spaces.host, 'ip', '-br', 'link', 'show', 'cni0').split(/\s+/)[2] ?? '';
    await add(one);
    const before = mac();
    await add(two);
    await del(one);
    expect(mac()).toBe(before);
  });

  test('an address that moves to another pod is found by the host at once', async () => {
    const small = {
      ...config,
      ipam: {
        type: 'host-local',
        ranges: [[{ subnet: '203.0.113.0/29' }], [{ subnet: '2001:db8:1::/64', rangeEnd: '2001:db8:1::2' }]],
      },
    };
    const [one = '', two = '', other = ''] = spaces.addPods(3);
    ping(spaces.host, ...addressesOf(await add(one, { config: small })));
    // A bridge without a port loses its carrier, and the host forgets its neighbours: the point here is that it does not.
    await add(other, { config: { ...small, ipam: { type: 'host-local', subnet: '203.0.113.0/29' } } });
    await del(one, { config: small });
    const moved = addressesOf(await add(two, { config: small }));
    expect(moved).toEqual(['203.0.113.4', '2001:db8:1::2']);
    ping(spaces.host, ...moved);
  });

  test('applies MTU and routes of the configuration', async () => {
    const [pod = ''] = spaces.addPods(1);
    const routes = [{ dst: '198.51.100.0/24', mtu: 1300, advmss: 1200, priority: 7, table: 100, scope: 0 }];
    await add(pod, { config: { ...config, mtu: 1400, ipam: { ...config.ipam, routes } } });
    expect(spaces.run(pod, 'ip', 'link', 'show', 'eth0')).toContain('mtu 1400');
    expect(spaces.run(spaces.host, 'ip', 'link', 'show', hostLinkName(`id-${pod}`, 'eth0'))).toContain('mtu 1400');
    expect(spaces.run(pod, 'ip', 'route', 'show', 'table', '100')).toMatch(
      /198\.51\.100\.0\/24 via 203\.0\.113\.1 dev eth0 metric 7 mtu 1300 advmss 1200/,
    );
  });

  test('a repeated ADD and a repeated DEL find everything as it should be', async () => {
    const [pod = ''] = spaces.addPods(1);
    const first = await add(pod);
    expect(await add(pod)).toEqual(first);
    ping(spaces.host, ...addressesOf(first));
    ran = [];
    await del(pod);
    await del(pod);
    expect(ran).toHaveLength(1);
    expect(await leftovers()).toEqual([]);
  });

  test('DEL works when the namespace is gone, known or not', async () => {
    const [one = '', two = ''] = spaces.addPods(2);
    await add(one);
    await add(two);
    spaces.removePod(one);
    await del(one);
    await del(two, { netns: undefined });
    expect(await leftovers()).toEqual([]);
  });

  test('a bridge that somebody set down or took the address of is repaired by the next ADD', async () => {
    const [one = '', two = ''] = spaces.addPods(2);
    await add(one);
    spaces.run(spaces.host, 'ip', 'addr', 'flush', 'dev', 'cni0');
    spaces.run(spaces.host, 'ip', 'link', 'set', 'cni0', 'down');
    await add(two);
    ping(one, '203.0.113.1', '203.0.113.3', '2001:db8:1::1', '2001:db8:1::3');
  });

  test('a bridge that somebody deleted is made again', async () => {
    const [one = '', two = ''] = spaces.addPods(2);
    await add(one);
    spaces.run(spaces.host, 'ip', 'link', 'del', 'cni0');
    await add(two);
    ping(two, '203.0.113.1');
  });

  test('a bridge that another process makes between the look and the batch is used', async () => {
    const [pod = ''] = spaces.addPods(1);
    let looks = 0;
    const lateLook = async (): Promise<readonly string[]> => {
      const names = await spaces.linkNames();
      if (looks++ > 0) return names;
      spaces.run(spaces.host, 'ip', 'link', 'add', 'cni0', 'type', 'bridge');
      return names;
    };
    await pluginWith(recorded, lateLook).add(request(pod), never);
    expect(looks).toBe(2);
    ping(pod, '203.0.113.1', '2001:db8:1::1');
  });

  test('an aborted ADD keeps the lease as long as the link', async () => {
    const [pod = ''] = spaces.addPods(1);
    const stop = new AbortController();
    const aborted = pluginWith((given, signal) => {
      if (given.file === 'nsenter') stop.abort(new Error('stopped'));
      return signal?.aborted === true ? Promise.reject(signal.reason as Error) : spaces.exec(given, signal);
    });
    await expect(aborted.add(request(pod), stop.signal)).rejects.toThrow('stopped');
    expect(await leftovers()).toEqual([hostLinkName(`id-${pod}`, 'eth0'), '2001:db8:1::2', '203.0.113.2']);
    await del(pod);
    expect(await leftovers()).toEqual([]);
  });

  test('CHECK finds a missing address, link or namespace', async () => {
    const [pod = ''] = spaces.addPods(1);
    const prevResult = await add(pod);
    const check = (): Promise<void> => plugin.check(request(pod, { prevResult }), never);
    await check();
    spaces.run(pod, 'ip', 'addr', 'del', '203.0.113.2/24', 'dev', 'eth0');
    await expect(check()).rejects.toMatchObject({ name: 'CniError', message: /203\.0\.113\.2\/24 is missing on eth0/ });
    spaces.run(spaces.host, 'ip', 'link', 'del', hostLinkName(`id-${pod}`, 'eth0'));
    await expect(check()).rejects.toMatchObject({ name: 'CniError', message: /link veth[0-9a-f]+ is missing/ });
    await add(pod);
    spaces.removePod(pod);
    await expect(check()).rejects.toMatchObject({ name: 'CniError' });
  });

  test('CHECK finds a missing route, of either family and any table', async () => {
    const [pod = ''] = spaces.addPods(1);
    const routes = [{ dst: '198.51.100.0/24', priority: 7, table: 100 }];
    const more = { config: { ...config, ipam: { ...config.ipam, routes } } };
    const prevResult = await add(pod, more);
    const check = (): Promise<void> => plugin.check(request(pod, { ...more, prevResult }), never);
    await check();
    for (const [family, dst, args] of [
      ['-4', '198.51.100.0/24', ['via', '203.0.113.1', 'table', '100']],
      ['-6', '::/0', ['via', '2001:db8:1::1']],
      ['-4', '0.0.0.0/0', ['via', '203.0.113.1']],
    ] as const) {
      spaces.run(pod, 'ip', family, 'route', 'del', dst, ...args);
      await expect(check()).rejects.toThrow(`bridge: the route to ${dst} is missing on eth0 of id-${pod}`);
      spaces.run(pod, 'ip', family, 'route', 'add', dst, ...args);
    }
    await check();
  });

  test('GC removes links and leases of attachments that are not valid, and nothing else', async () => {
    const [one = '', two = '', three = ''] = spaces.addPods(3);
    const kept = await add(one);
    await add(two);
    await add(three);
    rmSync(join(dataDir, 'net', '203.0.113.4'));
    // Names of other programs, and one that has our form; the last pod lost its bridge.
    spaces.run(spaces.host, 'ip', 'link', 'add', 'veth0123456', 'type', 'veth', 'peer', 'name', 'veth0123456789a');
    spaces.run(spaces.host, 'ip', 'link', 'set', hostLinkName(`id-${three}`, 'eth0'), 'nomaster');
    await plugin.gc('net', config, new Set([attachmentKey(`id-${one}`, 'eth0')]), never);
    ping(spaces.host, ...addressesOf(kept));
    expect((await leftovers()).sort()).toEqual(
      ['veth0123456', 'veth0123456789a', hostLinkName(`id-${one}`, 'eth0'), ...addressesOf(kept)].sort(),
    );
  });

  test('a failed ADD leaves nothing, and says what failed', async () => {
    const [pod = ''] = spaces.addPods(1);
    spaces.run(pod, 'ip', 'link', 'add', 'eth0', 'type', 'bridge');
    await expect(add(pod)).rejects.toMatchObject({
      name: 'CniError',
      message: /cannot attach id-.* to cni0: .*File exists/s,
    });
    await expect(add('no-such-pod')).rejects.toMatchObject({ name: 'CniError', message: /no-such-pod/ });
    expect(await leftovers()).toEqual([]);
  });

  test('100 parallel ADDs share nothing, and after DEL nothing is left', async () => {
    const pods = spaces.addPods(100);
    const results = await Promise.all(pods.map((pod) => add(pod)));
    expect(ran).toHaveLength(200);
    expect(new Set(results.flatMap(addressesOf)).size).toBe(200);
    ping(pods[99] ?? '', ...addressesOf(results[0]!), ...addressesOf(results[50]!));
    await Promise.all(pods.map((pod) => del(pod)));
    expect(await leftovers()).toEqual([]);
  });
});

/** A daemon that is killed while its n-th process runs, after so many lines of that process's input took effect. */
function killedAt(processIndex: number, lines: number): { plugin: BuiltInPlugin; reached: () => boolean } {
  let started = 0;
  let dead = false;
  const exec: Exec = async (given, signal) => {
    if (dead) throw new Error('killed');
    if (started++ !== processIndex) return spaces.exec(given, signal);
    dead = true;
    const input = (given.input ?? '').split('\n').slice(0, lines).join('\n');
    if (lines > 0) await spaces.exec({ ...given, input: `${input}\n` }, signal);
    throw new Error('killed');
  };
  const linkNames = (): Promise<readonly string[]> => (dead ? Promise.reject(new Error('killed')) : spaces.linkNames());
  return { plugin: pluginWith(exec, linkNames), reached: () => dead };
}

describe.skipIf(process.getuid?.() !== 0)('a daemon that was killed', () => {
  const points = [
    ...Array.from({ length: 9 }, (_, lines) => ({ process: 0, lines })),
    ...Array.from({ length: 8 }, (_, lines) => ({ process: 1, lines })),
  ];

  test.each(points)(
    'in process $process of ADD after $lines lines: ADD, DEL and GC put it right',
    async ({ process, lines }) => {
      const [one = '', two = ''] = spaces.addPods(2);
      for (const pod of [one, two]) {
        const killed = killedAt(process, lines);
        await expect(killed.plugin.add(request(pod), never)).rejects.toThrow('killed');
        expect(killed.reached()).toBe(true);
      }
      const before = plugin;
      plugin = pluginWith(spaces.exec);
      expect(plugin).not.toBe(before);
      ping(spaces.host, ...addressesOf(await add(one)));
      await del(one);
      await plugin.gc('net', config, new Set(), never);
      expect(await leftovers()).toEqual([]);
    },
  );

  test.each([0, 1])('in DEL, %d lines done: DEL again puts it right', async (lines) => {
    const [pod = ''] = spaces.addPods(1);
    await add(pod);
    await expect(killedAt(0, lines).plugin.del(request(pod), never)).rejects.toThrow('killed');
    plugin = pluginWith(spaces.exec);
    await del(pod);
    expect(await leftovers()).toEqual([]);
  });
});

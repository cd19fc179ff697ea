import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hostLinkName } from '../../../cni/bridge/names.ts';
import type { Attachment, CniResult, PeerNode, PortMapping } from '../../../cni/index.ts';
import { createNamespaces, type Namespaces, netnsPath } from './namespaces.ts';
import { type NetworkProcess, startNetwork } from './node.ts';
import type { Answer } from './runner.ts';
import { ask, connectPeer, type Peer, serve } from './traffic.ts';

const dual = ['203.0.113.0/24', '2001:db8:1::/64'];

let spaces: Namespaces;
let directory: string;
let network: NetworkProcess;
let stops: (() => void)[];

const start = (podCidrs: readonly string[] = dual): void => {
  network = startNetwork(spaces, directory, podCidrs);
};
const web = (hostPort: number): PortMapping => ({ protocol: 'TCP', containerPort: 80, hostPort, hostIp: '' });
const attachment = (pod: string, ...portMappings: readonly PortMapping[]): Attachment => ({
  containerId: `id-${pod}`,
  netns: netnsPath(pod),
  pod: { name: pod, namespace: 'default', uid: pod },
  portMappings,
});
const add = (pod: string, ...ports: readonly PortMapping[]): Promise<Answer> =>
  network.call({ verb: 'add', attachment: attachment(pod, ...ports) });
const del = (pod: string): Promise<Answer> => network.call({ verb: 'del', attachment: attachment(pod) });
const succeeded = async (answer: Promise<Answer>): Promise<Answer> => {
  const { error } = await answer;
  expect(error).toBeUndefined();
  return answer;
};
const addressesOf = ({ result }: Answer): string[] =>
  ((result as CniResult).ips ?? []).map(({ address }) => address.split('/')[0] ?? '');
const programs = ({ ran }: Answer): string[] =>
  ran.map((line) => line.replace(/^nsenter \S+ /, '').split(' ')[0] ?? '');
/** Without half-written files of a process that was killed: GC sweeps those once they are five seconds old. */
const files = (...path: readonly string[]): string[] => {
  const at = join(directory, ...path);
  return existsSync(at) ? readdirSync(at).filter((name) => !name.startsWith('.tmp-')) : [];
};

/** What pods have on the host: links, leases, results, claims and rules of host ports. */
async function footprint(): Promise<Record<string, string[]>> {
  const ruleset = spaces.run(spaces.host, 'nft', 'list', 'ruleset');
  return {
    links: (await spaces.linkNames()).filter((name) => name.startsWith('veth')).sort(),
    leases: files('networks', 'podwright')
      .filter((name) => !name.startsWith('last_reserved_ip.'))
      .sort(),
    results: files('cache', 'results').sort(),
    claims: files('networks', '.hostports').sort(),
    rules: [...new Set(ruleset.match(/203\.0\.113\.\d+ \. 80\b/g))].sort(),
  };
}
const nothing = { links: [], leases: [], results: [], claims: [], rules: [] };

beforeEach(() => {
  spaces = createNamespaces('network');
  directory = mkdtempSync(join(tmpdir(), 'network-'));
  stops = [];
  for (const command of ['iptables', 'ip6tables']) spaces.run(spaces.host, command, '-P', 'FORWARD', 'DROP');
});
afterEach(async () => {
  for (const stop of stops) stop();
  await network.kill();
  spaces.remove();
  rmSync(directory, { recursive: true });
});

describe.skipIf(process.getuid?.() !== 0)('the built-in network', () => {
  test('ADD of a pod with a host port costs three processes, a repeated one none', async () => {
    start();
    await succeeded(network.call({ verb: 'setup' }));
    const [first = '', pod = ''] = spaces.addPods(2);
    // The first host port of a daemon costs the dry run of `nft` besides.
    await succeeded(add(first, web(8080)));
    const added = await succeeded(add(pod, web(8081)));
    expect(programs(added)).toEqual(['ip', 'ip', 'nft']);
    const again = await succeeded(add(pod, web(8081)));
    expect({ ran: again.ran, result: again.result }).toEqual({ ran: [], result: added.result });
    await succeeded(network.call({ verb: 'check', attachment: attachment(pod, web(8081)) }));
    expect(programs(await succeeded(del(pod)))).toEqual(['nft', 'ip']);
    expect(programs(await succeeded(del(pod)))).toEqual([]);
    await succeeded(del(first));
    expect(await footprint()).toEqual(nothing);
  });

  describe('beside another machine', () => {
    let peer: Peer;
    let pod: string;
    let added: Answer;
    beforeEach(async () => {
      peer = connectPeer(spaces);
      start();
      await succeeded(network.call({ verb: 'setup' }));
      [pod = ''] = spaces.addPods(1);
      added = await succeeded(add(pod, web(8080)));
      for (const name of [peer.name, pod]) stops.push((await serve(name, 80)).stop);
    });

    test('pods leave with the address of the host, and stay themselves among pods', async () => {
      const [other = ''] = spaces.addPods(1);
      const own = addressesOf(await succeeded(add(other)));
      const outside = peer.addresses.map((to) => ask(spaces, { from: other, to, port: 80 }));
      expect(outside).toEqual(peer.hostAddresses.map((source) => `${peer.name} ${source}`));
      const inside = addressesOf(added).map((to) => ask(spaces, { from: other, to, port: 80 }));
      expect(inside).toEqual(own.map((source) => `${pod} ${source}`));
      const ports = peer.hostAddresses.map((to) => ask(spaces, { from: peer.name, to, port: 8080 }));
      expect(ports).toEqual(peer.addresses.map((source) => `${pod} ${source}`));
      expect(ask(spaces, { from: spaces.host, to: '127.0.0.1', port: 8080 })).toBe(`${pod} 203.0.113.1`);
    });

    test('pods of another node see them by their own addresses, as long as there is that node', async () => {
      const others = ['192.0.2.9', '2001:db8:3::9'];
      spaces.run(peer.name, 'ip', 'link', 'set', 'lo', 'up');
      for (const [index, cidr] of dual.entries()) {
        spaces.run(peer.name, 'ip', 'addr', 'add', others[index] ?? '', 'dev', 'lo');
        spaces.run(peer.name, 'ip', 'route', 'add', cidr, 'via', peer.hostAddresses[index] ?? '');
      }
      const node = { name: 'other', podCidrs: ['192.0.2.0/24', '2001:db8:3::/64'], nodeIps: peer.addresses };
      const know = async (...peers: readonly PeerNode[]): Promise<void> => {
        await network.call({ verb: 'setNodes', nodes: { nodeIps: peer.hostAddresses, peers, clusterCidrs: [] } });
        await succeeded(network.call({ verb: 'setup' }));
      };
      const asPod = (to: string): string => ask(spaces, { from: pod, to, port: 80 });
      await know(node);
      expect(others.map(asPod)).toEqual(addressesOf(added).map((source) => `${peer.name} ${source}`));
      const inwards = addressesOf(added).map((to) => ask(spaces, { from: peer.name, to, port: 80 }));
      expect(inwards).toEqual(peer.addresses.map((source) => `${pod} ${source}`));
      // The node itself is no pod: it does not see them.
      expect(peer.addresses.map(asPod)).toEqual(peer.hostAddresses.map((source) => `${peer.name} ${source}`));

      await know();
      expect(spaces.run(spaces.host, 'ip', 'route', 'show', 'proto', '112')).toBe('');
      spaces.run(spaces.host, 'ip', 'route', 'add', '192.0.2.0/24', 'via', '198.51.100.2');
      expect(asPod('192.0.2.9')).toBe(`${peer.name} 198.51.100.1`);
    });

    test('a second setup changes nothing; one after a flushed firewall puts everything back', async () => {
      const saved = (): string =>
        ['iptables-save', 'ip6tables-save']
          .map((file) => spaces.run(spaces.host, file))
          .join('')
          .replace(/^[#:].*/gm, '');
      const before = saved();
      expect(programs(await succeeded(network.call({ verb: 'setup' })))).toEqual(['iptables-save', 'ip6tables-save']);
      expect(saved()).toBe(before);
      spaces.run(spaces.host, 'nft', 'flush', 'ruleset');
      for (const command of ['iptables', 'ip6tables']) spaces.run(spaces.host, command, '-P', 'FORWARD', 'DROP');
      await succeeded(network.call({ verb: 'setup' }));
      await succeeded(network.call({ verb: 'gc', valid: [`id-${pod}`] }));
      expect(saved()).toBe(before);
      await succeeded(network.call({ verb: 'check', attachment: attachment(pod, web(8080)) }));
      expect(ask(spaces, { from: pod, to: peer.addresses[0] ?? '', port: 80 })).toBe(`${peer.name} 198.51.100.1`);
      expect(ask(spaces, { from: peer.name, to: '198.51.100.1', port: 8080 })).toBe(`${pod} 198.51.100.2`);
    });
  });

  test('says which range is used up, leaves nothing of the failed ADD, and goes on when an address is free', async () => {
    start(['203.0.113.0/29']);
    const pods = spaces.addPods(6);
    const last = pods[5] ?? '';
    for (const pod of pods.slice(0, 5)) await succeeded(add(pod));
    const before = await footprint();
    expect((await add(last, web(8080))).error).toEqual({
      name: 'CniError',
      code: 100,
      message: 'no IP addresses available in range set: 203.0.113.1-203.0.113.6 (network podwright)',
    });
    expect(await footprint()).toEqual(before);
    await succeeded(del(pods[2] ?? ''));
    expect(addressesOf(await succeeded(add(last)))).toEqual(['203.0.113.4']);
  });

  test('a host port that is taken is refused, and the rest of that ADD undone', async () => {
    start();
    const [one = '', two = ''] = spaces.addPods(2);
    await succeeded(add(one, web(8080)));
    const before = await footprint();
    expect((await add(two, web(8080))).error?.message).toBe(
      `portmap: host port tcp/8080 is taken by sandbox id-${one}`,
    );
    expect(await footprint()).toEqual(before);
  });

  test('what a reboot took away is reclaimed', async () => {
    start();
    const pods = spaces.addPods(3);
    for (const [index, pod] of pods.entries()) await succeeded(add(pod, web(8080 + index)));
    await network.kill();
    for (const pod of pods) spaces.removePod(pod);
    spaces.run(spaces.host, 'nft', 'flush', 'ruleset');
    spaces.run(spaces.host, 'ip', 'link', 'del', 'cni0');
    // A lease whose content a loss of power took: reclaimed when it is certain that nobody is writing it.
    writeFileSync(join(directory, 'networks', 'podwright', '203.0.113.77'), '');
    start();
    await succeeded(network.call({ verb: 'gc', valid: [] }));
    await succeeded(network.call({ verb: 'gc', valid: [] }));
    expect(await footprint()).toEqual({ ...nothing, leases: ['203.0.113.77'] });
  });

  test('killed at any point of ADDs and DELs, the next one finishes what is wanted and reclaims the rest', async () => {
    const pods = spaces.addPods(8);
    start();
    for (let round = 0; round < 8; round += 1) {
      await succeeded(network.call({ verb: 'status' }));
      const under = pods.map((pod, index) =>
        (index + round) % 2 === 0
          ? add(pod, web(8080 + index))
          : network.call({ verb: 'del', attachment: attachment(pod) }),
      );
      const settled = Promise.allSettled(under);
      await delay(round * 12);
      await network.kill();
      await settled;
      start();
    }
    const wanted = pods.slice(0, 3);
    await succeeded(network.call({ verb: 'gc', valid: wanted.map((pod) => `id-${pod}`) }));
    for (const [index, pod] of wanted.entries()) {
      const mapping = web(8080 + index);
      await succeeded(add(pod, mapping));
      await succeeded(network.call({ verb: 'check', attachment: attachment(pod, mapping) }));
    }
    const kept = await footprint();
    expect(kept['links']).toEqual(wanted.map((pod) => hostLinkName(`id-${pod}`, 'eth0')).sort());
    expect(kept['claims']).toEqual(wanted.map((pod) => `id-${pod}`).sort());
    expect([kept['leases']?.length, kept['results']?.length, kept['rules']?.length]).toEqual([6, 3, 3]);
    for (const pod of wanted) await succeeded(del(pod));
    await succeeded(network.call({ verb: 'gc', valid: [] }));
    expect(await footprint()).toEqual(nothing);
  });
});

describe.skipIf(process.getuid?.() !== 0)('a network of the user', () => {
  const conflist = (plugins: readonly object[], name = 'custom'): void => {
    for (const each of ['conf', 'bin']) mkdirSync(join(directory, each), { recursive: true });
    const config = { cniVersion: '1.0.0', name, plugins };
    writeFileSync(join(directory, 'conf', '10-custom.conflist'), JSON.stringify(config));
  };
  const bridge = {
    type: 'bridge',
    bridge: 'br0',
    isGateway: true,
    ipam: { type: 'host-local', subnet: '203.0.113.0/28' },
  };
  const plugin = (name: string, script: string): void =>
    writeFileSync(join(directory, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

  test('the error of a plugin of somebody else comes through, and what went before it is undone', async () => {
    conflist([bridge, { type: 'refuse' }]);
    plugin('refuse', `[ $CNI_COMMAND = DEL ] || { echo '{"cniVersion":"1.0.0","code":11,"msg":"not now"}'; exit 1; }`);
    start();
    const [pod = ''] = spaces.addPods(1);
    expect((await add(pod)).error).toEqual({
      name: 'CniError',
      code: 11,
      message: 'plugin refuse failed (ADD): not now',
    });
    expect(files('networks', 'custom').filter((name) => !name.startsWith('last'))).toEqual([]);
    expect((await footprint())['links']).toEqual([]);
  });

  test('a plugin of somebody else acts in the namespace of the pod', async () => {
    conflist([bridge, { type: 'mark' }]);
    plugin(
      'mark',
      `nsenter --net=$CNI_NETNS ip link set $CNI_IFNAME alias "by-$CNI_COMMAND" 2>/dev/null
      sed 's/.*"prevResult"://; s/}$//'`,
    );
    start();
    const [pod = ''] = spaces.addPods(1);
    expect(addressesOf(await succeeded(add(pod)))).toEqual(['203.0.113.2']);
    expect(spaces.run(pod, 'ip', 'link', 'show', 'eth0')).toContain('alias by-ADD');
    await succeeded(del(pod));
    expect((await footprint())['links']).toEqual([]);
  });

  test('a network that was renamed keeps its rules until its last pod is gone, then loses them', async () => {
    const masqueraded = { ...bridge, ipMasq: true };
    const networks = (): string[] => {
      const saved = spaces.run(spaces.host, 'iptables-save', '-t', 'nat');
      const named = saved.match(/podwright network \w+/g) ?? [];
      return [...new Set(named.map((text) => text.split(' ')[2] ?? ''))].sort();
    };
    const chains = (): number =>
      (spaces.run(spaces.host, 'iptables-save', '-t', 'nat').match(/^:PODWRIGHT-NET-/gm) ?? []).length;
    conflist([masqueraded]);
    start();
    await succeeded(network.call({ verb: 'setup' }));
    const [pod = ''] = spaces.addPods(1);
    await succeeded(add(pod));
    conflist([{ ...masqueraded, ipam: { type: 'host-local', subnet: '198.51.100.0/28' } }], 'renamed');
    await succeeded(network.call({ verb: 'setup' }));
    expect([networks(), chains()]).toEqual([['custom', 'renamed'], 2]);
    await succeeded(network.call({ verb: 'gc', valid: [] }));
    await succeeded(network.call({ verb: 'setup' }));
    expect([networks(), chains()]).toEqual([['renamed'], 1]);
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createNftablesBackend, nftablesSupported } from '../../../proxy/nftables/index.ts';
import type { Endpoint, ProxyBackend, ServicePortPlan } from '../../../proxy/types.ts';
import { ask, serve } from '../cni/traffic.ts';
import { netnsPath } from '../cni/namespaces.ts';
import { endpoint, planOf, service, settings, settings6 } from '../../unit/proxy/nftables/plans.ts';
import { createProxyLab, type ProxyLab } from './nftables.ts';

const signal = AbortSignal.timeout(120_000);

let lab: ProxyLab;
let backend: ProxyBackend;
const servers: { stop: () => void }[] = [];

beforeAll(async () => {
  lab = createProxyLab('nft', 3);
  for (const { name } of lab.pods) servers.push(await serve(name, 8080));
  backend = createNftablesBackend({ exec: lab.exec, family: 4, serviceCidrs: ['192.0.2.128/25'] });
}, 30_000);

afterAll(() => {
  for (const server of servers) server.stop();
  lab.remove();
});

const at = (index: number, isLocal = true): Endpoint => endpoint(`${lab.pods[index]!.ip}:8080`, isLocal);
const podName = (index: number): string => lab.pods[index]!.name;
const apply = (...services: readonly ServicePortPlan[]) => backend.sync(planOf(services), false, signal);

interface To {
  readonly ip?: string;
  readonly port?: number;
  readonly transport?: 'TCP' | 'UDP';
  readonly waitMs?: number;
}

const from = (name: string, { ip = '192.0.2.129', port = 80, ...rest }: To = {}): string =>
  ask(lab, { from: name, to: ip, port, ...rest });

describe('a packet of the kernel meets what the plan says', () => {
  test('the kernel and nft take everything that can be rendered', async () => {
    expect(await nftablesSupported(lab.exec, signal, 4)).toBeUndefined();
    expect(await nftablesSupported(lab.exec, signal, 6)).toBeUndefined();
    // A dry run leaves nothing behind.
    expect(lab.run(lab.host, 'nft', 'list', 'tables')).toBe('');
  });

  test('cluster IP: from a pod with its address, from elsewhere as the node', async () => {
    await apply(service('web', { endpoints: [at(0)] }));
    expect(from(podName(1))).toBe(`${podName(0)} ${lab.pods[1]!.ip}`);
    expect(from(lab.host)).toBe(`${podName(0)} 203.0.113.1`);
    expect(from(lab.peer.name)).toBe(`${podName(0)} 203.0.113.1`);
  });

  test('hairpin: a pod reaches itself as the node', async () => {
    await apply(service('web', { endpoints: [at(0)] }));
    expect(from(podName(0))).toBe(`${podName(0)} 203.0.113.1`);
  });

  test('a process of the node is masqueraded also where pods are told by their bridge', async () => {
    const byBridge = { ...settings, localDetector: { mode: 'BridgeInterface', bridge: 'cni0' } } as const;
    await backend.sync(planOf([service('web', { endpoints: [at(0)] })], byBridge), false, signal);
    expect(from(podName(1))).toBe(`${podName(0)} ${lab.pods[1]!.ip}`);
    // It has no link that it came in by; its own address is that of the default route, 198.51.100.1.
    expect(from(lab.host)).toBe(`${podName(0)} 203.0.113.1`);
    expect(from(lab.peer.name)).toBe(`${podName(0)} 203.0.113.1`);
  });

  test('every endpoint gets its share', async () => {
    await apply(service('web', { endpoints: [at(0), at(1), at(2)] }));
    const count = 90;
    const asks = Array.from({ length: count }, () => `exec 3<>/dev/tcp/192.0.2.129/80; cat <&3; echo; exec 3>&-`);
    const answers = lab.run(lab.peer.name, 'bash', '-c', asks.join('\n')).trim().split('\n');
    expect(answers).toHaveLength(count);
    for (const { name } of lab.pods) {
      const share = answers.filter((answer) => answer.startsWith(`${name} `)).length;
      // 4 sigma of a binomial distribution.
      expect(Math.abs(share - count / 3)).toBeLessThan(4 * Math.sqrt((count * 2) / 9));
    }
  });

  test('node port: from another host, a pod and the node itself, not on localhost', async () => {
    await apply(service('web', { endpoints: [at(0)], nodePort: 30_080 }));
    const to = { ip: '198.51.100.1', port: 30_080 };
    for (const name of [lab.peer.name, podName(1), lab.host]) expect(from(name, to)).toBe(`${podName(0)} 203.0.113.1`);
    expect(from(lab.host, { ip: '127.0.0.1', port: 30_080, waitMs: 500 })).toBe('no answer');
  });

  test('UDP', async () => {
    await apply(service('web', { endpoints: [at(0)], protocol: 'UDP', nodePort: 30_080 }));
    expect(from(podName(1), { transport: 'UDP' })).toBe(`${podName(0)} ${lab.pods[1]!.ip}`);
    expect(from(lab.peer.name, { ip: '198.51.100.1', port: 30_080, transport: 'UDP' })).toBe(
      `${podName(0)} 203.0.113.1`,
    );
  });

  test('the address of a load balancer lets its source ranges in', async () => {
    const web = service('web', {
      endpoints: [at(0)],
      loadBalancerIps: ['192.0.2.10'],
      sourceRanges: ['198.51.100.2/32'],
    });
    await apply(web);
    expect(from(lab.peer.name, { ip: '192.0.2.10' })).toBe(`${podName(0)} 203.0.113.1`);
    expect(from(podName(1), { ip: '192.0.2.10', waitMs: 500 })).toBe('no answer');
    await apply({ ...web, sourceRanges: ['198.51.100.3/32', '203.0.113.0/24', '203.0.113.3/32'] });
    expect(from(lab.peer.name, { ip: '192.0.2.10', waitMs: 500 })).toBe('no answer');
    expect(from(podName(1), { ip: '192.0.2.10' })).toBe(`${podName(0)} 203.0.113.1`);
  });

  test('external policy Local keeps the client, drops it without a local endpoint, and lets pods and node through', async () => {
    const sketch = { nodePort: 30_080, loadBalancerIps: ['192.0.2.10'], externalPolicyLocal: true };
    const node = { ip: '198.51.100.1', port: 30_080 };
    await apply(service('web', { ...sketch, endpoints: [at(0)] }));
    expect(from(lab.peer.name, node)).toBe(`${podName(0)} 198.51.100.2`);
    await apply(service('web', { ...sketch, endpoints: [at(0, false)] }));
    for (const to of [node, { ip: '192.0.2.10' }]) {
      const started = performance.now();
      expect(from(lab.peer.name, { ...to, waitMs: 700 })).toBe('no answer');
      // Dropped, not refused.
      expect(performance.now() - started).toBeGreaterThan(700);
      expect(from(podName(1), to)).toBe(`${podName(0)} ${lab.pods[1]!.ip}`);
      expect(from(lab.host, to)).toBe(`${podName(0)} 203.0.113.1`);
    }
  });

  test('without endpoints, and at a port that no Service has, it is refused at once', async () => {
    await apply(service('web', { nodePort: 30_080 }), service('b', { clusterIp: '192.0.2.130', endpoints: [at(0)] }));
    const refused = [
      { ip: '192.0.2.129', port: 80 },
      { ip: '192.0.2.130', port: 81 },
      { ip: '198.51.100.1', port: 30_080 },
    ];
    for (const to of refused) {
      for (const name of [podName(1), lab.host, lab.peer.name]) {
        const started = performance.now();
        expect(from(name, { ...to, waitMs: 5_000 })).toBe('no answer');
        expect(performance.now() - started).toBeLessThan(4_000);
      }
    }
  });

  test('a client stays with its endpoint, also over a full sync and a new daemon', async () => {
    const web = service('web', { endpoints: [at(0), at(1), at(2)], affinitySeconds: 600 });
    await apply(web);
    const first = from(lab.peer.name);
    const again = (): readonly string[] => [from(lab.peer.name), from(lab.peer.name), from(lab.peer.name)];
    expect(again()).toEqual([first, first, first]);
    expect(await backend.sync(planOf([web]), true, signal)).toMatchObject({ full: true });
    expect(again()).toEqual([first, first, first]);
    backend = createNftablesBackend({ exec: lab.exec, family: 4, serviceCidrs: ['192.0.2.128/25'] });
    expect(await apply(web)).toMatchObject({ full: true });
    expect(again()).toEqual([first, first, first]);
  });

  test('IPv6', async () => {
    const backend6 = createNftablesBackend({ exec: lab.exec, family: 6, serviceCidrs: ['2001:db8:a::/112'] });
    const web = service('web', {
      family: 6,
      clusterIp: '2001:db8:a::1',
      endpoints: [endpoint(`[${lab.pods[0]!.ip6}]:8080`)],
      nodePort: 30_080,
    });
    await backend6.sync(planOf([web], settings6), false, signal);
    expect(from(podName(1), { ip: '2001:db8:a::1' })).toBe(`${podName(0)} ${lab.pods[1]!.ip6}`);
    expect(from(podName(0), { ip: '2001:db8:a::1' })).toBe(`${podName(0)} 2001:db8:1::1`);
    expect(from(lab.peer.name, { ip: '2001:db8:2::1', port: 30_080 })).toBe(`${podName(0)} 2001:db8:1::1`);
    await backend6.cleanup(signal);
    expect(lab.run(lab.host, 'nft', 'list', 'tables')).toBe('table ip kube-proxy\n');
  });
});

test('a connection survives syncs of all kinds, and that its endpoint goes', async () => {
  const web = service('web', { endpoints: [endpoint(`${lab.pods[0]!.ip}:8090`)] });
  const echo = spawn('nsenter', [
    `--net=${netnsPath(podName(0))}`,
    process.execPath,
    '-e',
    `require('node:net').createServer((s) => s.pipe(s)).listen(8090, () => console.log('ready'))`,
  ]);
  await once(echo.stdout, 'data');
  await apply(web);
  const client = spawn('nsenter', [
    `--net=${netnsPath(podName(1))}`,
    process.execPath,
    '-e',
    `const s = require('node:net').connect(80, '192.0.2.129'); process.stdin.pipe(s); s.pipe(process.stdout);`,
  ]);
  const said = async (text: string): Promise<string> => {
    client.stdin.write(text);
    const [data] = (await once(client.stdout, 'data')) as [Buffer];
    return data.toString();
  };
  try {
    expect(await said('connected')).toBe('connected');
    await apply(web, service('x', { clusterIp: '192.0.2.130', endpoints: [at(1)] }));
    expect(await said('other Service')).toBe('other Service');
    await backend.sync(planOf([web]), true, signal);
    expect(await said('full sync')).toBe('full sync');
    await apply(service('web', { endpoints: [at(1)] }));
    expect(await said('its endpoint went')).toBe('its endpoint went');
    await apply();
    expect(await said('its Service went')).toBe('its Service went');
  } finally {
    client.kill('SIGKILL');
    echo.kill('SIGKILL');
  }
});

describe('the table', () => {
  const web = (): ServicePortPlan => service('web', { endpoints: [at(0)] });
  const nft = (...args: readonly string[]): string => lab.run(lab.host, 'nft', ...args);

  test.each([
    ['flush', 'ruleset'],
    ['flush', 'table', 'ip', 'kube-proxy'],
    ['delete', 'table', 'ip', 'kube-proxy'],
  ])('%s %s: seen as not intact, and made again by a full sync', async (...command) => {
    await backend.sync(planOf([web()]), true, signal);
    expect(await backend.isIntact(signal)).toBe(true);
    nft(...command);
    expect(await backend.isIntact(signal)).toBe(false);
    await backend.sync(planOf([web()]), true, signal);
    expect(await backend.isIntact(signal)).toBe(true);
    expect(from(podName(1))).toBe(`${podName(0)} ${lab.pods[1]!.ip}`);
  });

  test('a sync after a failed one writes all', async () => {
    await backend.sync(planOf([web()]), true, signal);
    nft('delete', 'table', 'ip', 'kube-proxy');
    const more = service('b', { clusterIp: '192.0.2.130', endpoints: [at(1)] });
    await expect(apply(web(), more)).rejects.toThrow('No such file or directory');
    expect(await apply(web(), more)).toMatchObject({ full: true });
    expect(from(podName(2), { ip: '192.0.2.130' })).toBe(`${podName(1)} ${lab.pods[2]!.ip}`);
  });

  test('after changes one by one it is what a full sync makes', async () => {
    let nowMs = 0;
    const stepwise = createNftablesBackend({ exec: lab.exec, family: 4, marker: 'same', now: () => (nowMs += 2_000) });
    const sketch = { nodePort: 30_080, loadBalancerIps: ['192.0.2.10'], sourceRanges: ['198.51.100.0/24'] };
    const history: readonly (readonly ServicePortPlan[])[] = [
      [],
      [service('web', { endpoints: [at(0), at(1)] })],
      [service('web', { ...sketch, endpoints: [at(0), at(1)], affinitySeconds: 60 })],
      [
        service('web', { ...sketch, endpoints: [at(1), at(2)], affinitySeconds: 90 }),
        service('x', { clusterIp: '192.0.2.131' }),
      ],
      [service('x', { clusterIp: '192.0.2.129', endpoints: [at(0)] })],
      [
        service('x', {
          clusterIp: '192.0.2.129',
          endpoints: [at(0)],
          externalIps: ['192.0.2.10'],
          externalPolicyLocal: true,
        }),
      ],
    ];
    const [last = []] = history.slice(-1);
    for (const services of history) await stepwise.sync(planOf(services), false, signal);
    // Chains that are not used any more are deleted with the next sync.
    await stepwise.sync(planOf(last), false, signal);
    const sorted = (): readonly string[] =>
      nft('list', 'table', 'ip', 'kube-proxy')
        .split('\n\n')
        .map((text) => text.trim())
        .sort();
    const made = sorted();
    const whole = createNftablesBackend({ exec: lab.exec, family: 4, marker: 'same' });
    await whole.sync(planOf(last), true, signal);
    const withoutFrame = (blocks: readonly string[]): readonly string[] =>
      blocks
        .flatMap((text) => text.split('\n'))
        .map((line) => line.trim())
        .sort();
    expect(withoutFrame(made)).toEqual(withoutFrame(sorted()));
  });

  test('cleanup removes it, also twice', async () => {
    await backend.sync(planOf([web()]), true, signal);
    await backend.cleanup(signal);
    await backend.cleanup(signal);
    expect(nft('list', 'tables')).toBe('');
    expect(await apply(web())).toMatchObject({ full: true });
  });
});

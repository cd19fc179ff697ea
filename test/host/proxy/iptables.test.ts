import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createIptablesBackend,
  parseRules,
  programsOfVariant,
  readIptablesVersion,
  trace,
  type Programs,
} from '../../../proxy/iptables/index.ts';
import type { Endpoint, ProxyBackend, ProxyPlan, ProxySettings, ServicePortPlan } from '../../../proxy/types.ts';
import { createNamespaces, type Namespaces, netnsPath } from '../cni/namespaces.ts';
import { connectPeer, serve } from '../cni/traffic.ts';
import { WEB } from '../../unit/proxy/defaults.ts';

const { signal } = new AbortController();

/** Pods behind links of their own, another host, and a route there for everything that Services are. */
const podIps = ['203.0.113.1', '203.0.113.2'] as const;
const hostIp = '198.51.100.1';
const peerIp = '198.51.100.2';

const settings: ProxySettings = {
  family: 4,
  localDetector: { mode: 'InterfaceNamePrefix', prefix: 'pod' },
  masqueradeAll: false,
  masqueradeBit: 14,
  nodePortCidrs: undefined,
  nodeIps: [hostIp],
  localhostNodePorts: false,
};

interface Lab {
  readonly spaces: Namespaces;
  readonly pods: readonly string[];
  readonly peer: string;
}

function createLab(spaces: Namespaces): Lab {
  const { host } = spaces;
  const peer = connectPeer(spaces).name;
  const pods = spaces.addPods(podIps.length);
  for (const [index, pod] of pods.entries()) {
    const link = `pod${index}`;
    spaces.run(host, 'ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pod);
    for (const [namespace, name] of [
      [host, link],
      [pod, 'eth0'],
      [pod, 'lo'],
    ] as const)
      spaces.run(namespace, 'ip', 'link', 'set', name, 'up');
    spaces.run(host, 'ip', 'route', 'add', `${podIps[index] ?? ''}/32`, 'dev', link, 'src', hostIp);
    spaces.run(pod, 'ip', 'addr', 'add', `${podIps[index] ?? ''}/32`, 'dev', 'eth0');
    spaces.run(pod, 'ip', 'route', 'add', `${hostIp}/32`, 'dev', 'eth0');
    spaces.run(pod, 'ip', 'route', 'add', 'default', 'via', hostIp);
  }
  // Where cluster IPs would be routed to: a packet that no route is for meets no rule.
  spaces.run(host, 'ip', 'route', 'add', 'default', 'via', peerIp);
  spaces.run(host, 'ip', 'route', 'add', 'default', 'via', '2001:db8:2::2');
  return { spaces, pods, peer };
}

/** Client that tells what it met: the server's answer, `refused`, or `silence`; once for each of `count` connections. */
const clientProgram = `
  const [host, port, waitMs, count] = process.argv.slice(1);
  const connect = () => new Promise((resolve) => {
    let text = '';
    const socket = require('node:net').connect(Number(port), host);
    const done = (met) => { socket.destroy(); resolve(met); };
    setTimeout(() => done('silence'), Number(waitMs)).unref();
    socket.on('data', (data) => { text += data; });
    socket.on('end', () => done(text));
    socket.on('error', (error) => done(error.code === 'ECONNREFUSED' ? 'refused' : error.code));
  });
  (async () => {
    const met = [];
    for (let i = 0; i < Number(count); i += 1) met.push(await connect());
    process.stdout.write(met.join('\\n'));
    process.exit(0);
  })();
`;

interface Ask {
  readonly waitMs?: number;
  readonly count?: number;
}

const echoProgram = `
  require('node:net').createServer((socket) => socket.on('error', () => undefined).pipe(socket))
    .listen(9000, () => console.log('ready'));
`;

/** Sends what it is told over one connection, and tells the answers. */
const talkProgram = `
  const socket = require('node:net').connect(80, '192.0.2.131', () => console.log('ready'));
  process.stdin.pipe(socket).pipe(process.stdout);
`;

/** Starts a program of Node in a namespace; it is ready when the promise resolves. */
async function run(namespace: string, program: string) {
  const child = spawn('nsenter', [`--net=${netnsPath(namespace)}`, process.execPath, '-e', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const heard = async (): Promise<string> => {
    const [data] = (await once(child.stdout, 'data', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
    return data.toString().trim();
  };
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  const say = (text: string): Promise<string> => {
    child.stdin.write(`${text}\n`);
    return heard();
  };
  await heard();
  return { say, stop };
}

function endpoint(index: 0 | 1): Endpoint {
  return { ip: podIps[index], port: 8080, isLocal: true, ready: true, serving: true, terminating: false };
}

const elsewhere: Endpoint = { ...endpoint(0), ip: peerIp, isLocal: false };

function port(endpoints: readonly Endpoint[], rest: Partial<ServicePortPlan> = {}): ServicePortPlan {
  const isLocal = rest.externalPolicyLocal === true || rest.internalPolicyLocal === true;
  return {
    ...WEB,
    name: { namespace: 'lab', name: 'web', port: 'http' },
    clusterIp: '192.0.2.130',
    clusterEndpoints: endpoints,
    localEndpoints: isLocal ? endpoints.filter((each) => each.isLocal) : [],
    allEndpoints: endpoints,
    hasAnyEndpoints: endpoints.length > 0,
    ...rest,
  };
}

const planOf = (...services: readonly ServicePortPlan[]): ProxyPlan => ({ settings, services });

const spaces = createNamespaces('ipt');
let lab: Lab;
const stops: (() => void)[] = [];

beforeAll(async () => {
  lab = createLab(spaces);
  for (const namespace of [...lab.pods, lab.peer]) stops.push((await serve(namespace, 8080)).stop);
  lab.spaces.run(lab.spaces.host, 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1');
  for (const network of ['192.0.2.128/25', '203.0.113.0/24'])
    lab.spaces.run(lab.peer, 'ip', 'route', 'add', network, 'via', hostIp);
});

afterAll(() => {
  for (const stop of stops) stop();
  spaces.remove();
});

function hasLegacy(): boolean {
  const spaces = createNamespaces('ipt-probe');
  try {
    spaces.run(spaces.host, 'iptables-legacy', '-t', 'nat', '-S');
    return true;
  } catch {
    return false;
  } finally {
    spaces.remove();
  }
}

const variants = hasLegacy() ? (['nft', 'legacy'] as const) : (['nft'] as const);

describe.each(variants)('iptables-%s', (variant) => {
  const programs: Programs = programsOfVariant(4, variant);
  let backend: ProxyBackend;

  const save = (): string => lab.spaces.run(lab.spaces.host, programs.save);
  const ask = (from: string, to: string, { waitMs = 2_000, count = 1 }: Ask = {}): string[] => {
    const [host = '', number = ''] = to.split(':');
    return lab.spaces
      .run(from, process.execPath, '-e', clientProgram, host, number, String(waitMs), String(count))
      .split('\n');
  };
  const sync = (...services: readonly ServicePortPlan[]) => backend.sync(planOf(...services), false, signal);

  beforeAll(() => {
    backend = createIptablesBackend({ exec: lab.spaces.exec, family: 4, programs });
    return async () => backend.cleanup(signal);
  });

  test('says which it is', async () => {
    expect(await readIptablesVersion(lab.spaces.exec, programs, signal)).toEqual({
      version: expect.stringMatching(/^1\.\d+\.\d+$/) as string,
      variant,
    });
  });

  test('the cluster IP, from a pod, the node and elsewhere', async () => {
    const { pods, spaces, peer } = lab;
    await sync(port([endpoint(1)]));
    expect(ask(pods[0]!, '192.0.2.130:80')).toEqual([`${pods[1]!} ${podIps[0]}`]);
    expect(ask(spaces.host, '192.0.2.130:80')).toEqual([`${pods[1]!} ${hostIp}`]);
    expect(ask(peer, '192.0.2.130:80')).toEqual([`${pods[1]!} ${hostIp}`]);
  });

  test('a pod reaches itself through its Service', async () => {
    await sync(port([endpoint(0)]));
    expect(ask(lab.pods[0]!, '192.0.2.130:80')).toEqual([`${lab.pods[0]!} ${hostIp}`]);
  });

  test('a node port from another host; with the policy Local its address is kept', async () => {
    const { pods, spaces, peer } = lab;
    await sync(port([endpoint(0)], { nodePort: 30_080 }));
    expect(ask(peer, `${hostIp}:30080`)).toEqual([`${pods[0]!} ${hostIp}`]);
    expect(ask(spaces.host, `${hostIp}:30080`)).toEqual([`${pods[0]!} ${hostIp}`]);
    expect(ask(spaces.host, '127.0.0.1:30080')).toEqual(['refused']);
    await sync(port([endpoint(0)], { nodePort: 30_080, externalPolicyLocal: true }));
    expect(ask(peer, `${hostIp}:30080`)).toEqual([`${pods[0]!} ${peerIp}`]);
  });

  test('connections are spread evenly', async () => {
    await sync(port([endpoint(0), endpoint(1)]));
    const names = ask(lab.spaces.host, '192.0.2.130:80', { count: 400 });
    const first = names.filter((name) => name.startsWith(`${lab.pods[0]!} `)).length;
    // 4 sigma of 400 fair throws.
    expect(Math.abs(first - 200)).toBeLessThanOrEqual(40);
    expect(new Set(names).size).toBe(2);
  });

  test('a client stays where it went, also when endpoints come and go beside it', async () => {
    const client = lab.peer;
    await sync(port([endpoint(0), endpoint(1)], { affinitySeconds: 60 }));
    const met = new Set(ask(client, '192.0.2.130:80', { count: 12 }));
    expect(met.size).toBe(1);
    await sync(port([endpoint(0), endpoint(1), elsewhere], { affinitySeconds: 60 }));
    expect(new Set(ask(client, '192.0.2.130:80', { count: 12 }))).toEqual(met);
  });

  test('no endpoints are told at once, to all who ask', async () => {
    const { pods, spaces, peer } = lab;
    await sync(port([], { nodePort: 30_080, loadBalancerIps: ['192.0.2.200'] }));
    for (const [from, to] of [
      [pods[0]!, '192.0.2.130:80'],
      [spaces.host, '192.0.2.130:80'],
      [peer, `${hostIp}:30080`],
      [peer, '192.0.2.200:80'],
    ] as const)
      expect([from, ask(from, to)]).toEqual([from, ['refused']]);
  });

  test('no local endpoint: outsiders hear nothing, pods and the node are served', async () => {
    const { pods, spaces, peer } = lab;
    await sync(port([elsewhere], { nodePort: 30_080, loadBalancerIps: ['192.0.2.200'], externalPolicyLocal: true }));
    expect(ask(peer, `${hostIp}:30080`, { waitMs: 500 })).toEqual(['silence']);
    expect(ask(peer, '192.0.2.200:80', { waitMs: 500 })).toEqual(['silence']);
    expect(ask(spaces.host, `${hostIp}:30080`)).toEqual([`${peer} ${hostIp}`]);
    expect(ask(pods[0]!, '192.0.2.200:80')).toEqual([`${peer} ${podIps[0]}`]);
  });

  test('a load balancer address serves its source ranges', async () => {
    const { pods, peer } = lab;
    const balancer = (sourceRanges: string[]) =>
      port([endpoint(0)], { loadBalancerIps: ['192.0.2.200'], sourceRanges });
    await sync(balancer(['198.51.100.0/24']));
    expect(ask(peer, '192.0.2.200:80')).toEqual([`${pods[0]!} ${hostIp}`]);
    await sync(balancer(['203.0.113.0/24']));
    expect(ask(peer, '192.0.2.200:80', { waitMs: 500 })).toEqual(['silence']);
    expect(ask(pods[1]!, '192.0.2.200:80')).toEqual([`${pods[0]!} ${hostIp}`]);
  });

  test('a connection lives on while rules change', async () => {
    const server = await run(lab.pods[0]!, echoProgram);
    const echo = port([{ ...endpoint(0), port: 9000 }], {
      clusterIp: '192.0.2.131',
      name: { namespace: 'lab', name: 'echo', port: '' },
    });
    await sync(echo, port([endpoint(0)]));
    const client = await run(lab.peer, talkProgram);
    try {
      expect(await client.say('one')).toBe('one');
      await sync(echo, port([endpoint(1)]));
      expect(await client.say('two')).toBe('two');
      await backend.sync(planOf({ ...echo, affinitySeconds: 60 }), true, signal);
      expect(await client.say('three')).toBe('three');
      expect(save()).toContain(`DNAT --to-destination ${podIps[0]}:9000`);
    } finally {
      await client.stop();
      await server.stop();
    }
  });

  describe('what the kernel holds', () => {
    const services = [
      port([endpoint(0), endpoint(1)], { nodePort: 30_080, externalPolicyLocal: true, affinitySeconds: 60 }),
      port([], { name: { namespace: 'lab', name: 'none', port: '' }, clusterIp: '192.0.2.140' }),
      port([endpoint(0)], {
        name: { namespace: 'lab', name: 'balanced', port: '' },
        clusterIp: '192.0.2.141',
        loadBalancerIps: ['192.0.2.200'],
        sourceRanges: ['203.0.113.0/24'],
      }),
    ];
    const plain = (text: string): string => text.replace(/^#.*\n/gm, '').replace(/\[\d+:\d+\]/g, '');

    beforeEach(async () => {
      await backend.cleanup(signal);
    });

    test('is the same after a second full sync, by another daemon', async () => {
      await sync(...services);
      const once = plain(save());
      const next = createIptablesBackend({ exec: lab.spaces.exec, family: 4, programs });
      expect(await next.sync(planOf(...services), false, signal)).toMatchObject({ full: true });
      expect(plain(save())).toBe(once);
    });

    test('is the same after partial syncs', async () => {
      await sync(...services);
      const direct = plain(save());
      await backend.cleanup(signal);
      await sync(port([elsewhere], { name: { namespace: 'lab', name: 'old', port: '' } }));
      await sync(...services.slice(0, 2));
      await sync(...services);
      // Chains are listed in the order that they were made in.
      const sorted = (text: string): string[] => text.split('\n').sort();
      expect(sorted(plain(save()))).toEqual(sorted(direct));
    });

    test('is the same for IPv6, where the node is reached too', async () => {
      const six = programsOfVariant(6, variant);
      const ipv6: ProxyPlan = {
        settings: { ...settings, family: 6, nodeIps: ['2001:db8:2::1'] },
        services: [
          port([{ ...elsewhere, ip: '2001:db8:2::2' }], { family: 6, clusterIp: '2001:db8:1::1', nodePort: 30_080 }),
          port([], { family: 6, clusterIp: '2001:db8:1::2', name: { namespace: 'lab', name: 'none', port: '' } }),
        ],
      };
      const first = createIptablesBackend({ exec: lab.spaces.exec, family: 6, programs: six });
      await first.sync(ipv6, false, signal);
      const written = plain(lab.spaces.run(lab.spaces.host, six.save));
      await createIptablesBackend({ exec: lab.spaces.exec, family: 6, programs: six }).sync(ipv6, true, signal);
      expect(plain(lab.spaces.run(lab.spaces.host, six.save))).toBe(written);
      const connect = (host: string, number: string): string =>
        lab.spaces.run(lab.spaces.host, process.execPath, '-e', clientProgram, host, number, '2000', '1');
      expect(connect('2001:db8:1::1', '80')).toBe(`${lab.peer} 2001:db8:2::1`);
      expect(connect('2001:db8:2::1', '30080')).toBe(`${lab.peer} 2001:db8:2::1`);
      expect(connect('2001:db8:1::2', '80')).toBe('refused');
      await first.cleanup(signal);
      expect(lab.spaces.run(lab.spaces.host, six.save)).not.toContain('KUBE');
    });

    test('is told to be gone when it was flushed, and written anew', async () => {
      await sync(...services);
      expect(await backend.isIntact(signal)).toBe(true);
      for (const table of ['nat', 'filter', 'mangle']) {
        for (const verb of ['-F', '-X']) lab.spaces.run(lab.spaces.host, programs.iptables, '-t', table, verb);
      }
      expect(await backend.isIntact(signal)).toBe(false);
      await backend.sync(planOf(...services), true, signal);
      expect(await backend.isIntact(signal)).toBe(true);
      expect(ask(lab.peer, `${hostIp}:30080`)).toEqual([expect.stringMatching(` ${peerIp}$`)]);
    });

    test('is gone after a cleanup, and what others made is not', async () => {
      const { host } = lab.spaces;
      const own = [
        ['-t', 'mangle', '-N', 'KUBE-KUBELET-CANARY'],
        ['-N', 'KUBE-FIREWALL'],
        ['-A', 'INPUT', '-j', 'KUBE-FIREWALL'],
      ];
      for (const args of own) lab.spaces.run(host, programs.iptables, ...args);
      const before = plain(save());
      await sync(...services);
      await backend.cleanup(signal);
      expect(plain(save())).toBe(before);
      await backend.cleanup(signal);
      for (const args of [
        ['-D', 'INPUT', '-j', 'KUBE-FIREWALL'],
        ['-X', 'KUBE-FIREWALL'],
        ['-t', 'mangle', '-X'],
      ])
        lab.spaces.run(host, programs.iptables, ...args);
    });

    test('is traced as it was meant', async () => {
      await sync(...services);
      const rules = parseRules(save());
      const node = { localAddresses: [hostIp] };
      const outside = { source: peerIp, from: 'outside', inInterface: 'up0', protocol: 'TCP' } as const;
      const told = (destination: string, number: number) =>
        trace(rules, { ...outside, destination, port: number }, node).map(
          ({ verdict, destination: to, isMasqueraded, probability }) => [
            verdict,
            to,
            isMasqueraded,
            probability.toFixed(2),
          ],
        );
      expect(told('192.0.2.130', 80)).toEqual(podIps.map((ip) => ['accepted', ip, true, '0.50']));
      expect(told(hostIp, 30_080)).toEqual(podIps.map((ip) => ['accepted', ip, false, '0.50']));
      expect(told('192.0.2.140', 80)).toEqual([['rejected', '192.0.2.140', false, '1.00']]);
      expect(told('192.0.2.200', 80)).toEqual([['dropped', '192.0.2.200', false, '1.00']]);
    });
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Exec } from '../../../cni/index.ts';
import { createFlowReconciler, type FlowReconciler } from '../../../proxy/conntrack/index.ts';
import { createIptablesBackend } from '../../../proxy/iptables/index.ts';
import { createNftablesBackend } from '../../../proxy/nftables/index.ts';
import type { Endpoint, Family, ProxyBackend, ProxyPlan, ServicePortPlan } from '../../../proxy/types.ts';
import { createLines } from '../../unit/proxy/proxy-helpers.ts';
import { SETTINGS, WEB } from '../../unit/proxy/services/helpers.ts';
import { createNamespaces, type Namespaces, netnsPath } from '../cni/namespaces.ts';
import { serve } from '../cni/traffic.ts';

const PORT = 5353;
const signal = new AbortController().signal;

/** Addresses on the link of a pod, by its number; those of IPv6 as the kernel writes them. */
const addressOn = (family: Family, pod: number, last: 1 | 2): string =>
  family === 4 ? `198.51.100.${pod * 8 + last}` : `2001:db8:a${pod}::${last}`;
const podIp = (family: Family, pod: number): string => addressOn(family, pod, 2);
const hostIp = (family: Family, pod: number): string => addressOn(family, pod, 1);

/** Joins pods to the host, each by a link of its own. */
function connect(spaces: Namespaces, pods: readonly string[]): void {
  const sysctls = ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', 'net.ipv6.conf.default.accept_dad=0'];
  spaces.run(spaces.host, 'sysctl', '-q', '-w', ...sysctls);
  pods.forEach((name, pod) => {
    spaces.run(spaces.host, 'ip', 'link', 'add', `v${pod}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    const sides: readonly (readonly [string, string, typeof podIp])[] = [
      [spaces.host, `v${pod}`, hostIp],
      [name, 'eth0', podIp],
    ];
    for (const [namespace, link, ip] of sides) {
      spaces.run(namespace, 'ip', 'link', 'set', link, 'up');
      spaces.run(namespace, 'ip', 'addr', 'add', `${ip(4, pod)}/29`, 'dev', link);
      spaces.run(namespace, 'ip', 'addr', 'add', `${ip(6, pod)}/64`, 'dev', link, 'nodad');
    }
    for (const family of [4, 6] as const) {
      spaces.run(name, 'ip', `-${family}`, 'route', 'add', 'default', 'via', hostIp(family, pod));
    }
  });
}

/** Sends a datagram for each line, always from the same port, and prints who answered. */
const clientProgram = `
  const [host, port] = process.argv.slice(1);
  const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
  let timer;
  const done = (text) => { clearTimeout(timer); timer = undefined; console.log(text); };
  socket.on('error', () => undefined);
  socket.on('message', (data) => { if (timer !== undefined) done(String(data).split(' ')[0]); });
  socket.bind(() => require('node:readline').createInterface({ input: process.stdin }).on('line', () => {
    timer = setTimeout(() => done('no answer'), 700);
    socket.send('hello', Number(port), host, () => undefined);
  }));
`;

interface Client {
  /** The pod that answers, or `no answer`. */
  ask(): Promise<string>;
  stop(): void;
}

function startClient(namespace: string, to: string, port: number): Client {
  const args = [`--net=${netnsPath(namespace)}`, process.execPath, '-e', clientProgram, to, String(port)];
  const child = spawn('nsenter', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  return {
    ask: async () => {
      child.stdin.write('\n');
      const [answer] = (await once(lines, 'line')) as [string];
      return answer;
    },
    stop: () => child.kill('SIGKILL'),
  };
}

type CreateBackend = (options: { readonly exec: Exec; readonly family: Family }) => ProxyBackend;

describe.each<[string, Family, CreateBackend]>([
  ['iptables', 4, createIptablesBackend],
  ['nftables', 4, createNftablesBackend],
  ['nftables', 6, createNftablesBackend],
])('UDP flows by %s over IPv%d', (_mode, family, createBackend) => {
  const v4 = family === 4;
  let spaces: Namespaces;
  let names: readonly [client: string, one: string, two: string];
  let backend: ProxyBackend;
  let flows: FlowReconciler;
  let ran: string[];
  let exec: Exec;
  const stops: (() => void)[] = [];

  const one: Endpoint = {
    ip: podIp(family, 1),
    port: PORT,
    isLocal: true,
    ready: true,
    serving: true,
    terminating: false,
  };
  const two: Endpoint = { ...one, ip: podIp(family, 2) };
  const DNS: ServicePortPlan = {
    ...WEB,
    name: { namespace: 'lab', name: 'dns', port: '' },
    protocol: 'UDP',
    family,
    clusterIp: v4 ? '192.0.2.200' : '2001:db8:ff::200',
    port: 53,
    nodePort: 30_053,
    externalIps: [v4 ? '203.0.113.20' : '2001:db8:ee::20'],
  };
  const OTHER: ServicePortPlan = {
    ...DNS,
    name: { ...DNS.name, name: 'other' },
    clusterIp: v4 ? '192.0.2.201' : '2001:db8:ff::201',
    nodePort: 0,
    externalIps: [],
  };
  const withEndpoints = (service: ServicePortPlan, ...endpoints: readonly Endpoint[]): ServicePortPlan => ({
    ...service,
    clusterEndpoints: endpoints,
    allEndpoints: endpoints,
    hasAnyEndpoints: endpoints.length > 0,
  });
  const other = withEndpoints(OTHER, one);
  const planOf = (...services: readonly ServicePortPlan[]): ProxyPlan => ({
    settings: { ...SETTINGS[family], nodeIps: [hostIp(family, 0)] },
    services: [...services, other],
  });

  /** Brings the kernel to a plan, with or without looking after the flows; tells how many were deleted. */
  const write = async (...services: readonly ServicePortPlan[]): Promise<ProxyPlan> => {
    const plan = planOf(...services);
    await backend.sync(plan, false, signal);
    return plan;
  };
  const sync = async (...services: readonly ServicePortPlan[]): Promise<number | undefined> =>
    flows.reconcile(await write(...services), signal);

  const client = (to: string, port: number): Client => {
    const started = startClient(names[0], to, port);
    stops.push(() => started.stop());
    return started;
  };
  /** Numbers that the kernel gives flows, of those to an address. */
  const flowIds = (to: string): readonly string[] => {
    const list = spaces.run(spaces.host, 'conntrack', '-L', '-f', `ipv${family}`, '-p', 'udp', '-o', 'id');
    return list.split('\n').flatMap((line) => (line.includes(`dst=${to} `) ? (/ id=(\d+)/.exec(line)?.[1] ?? []) : []));
  };

  beforeAll(async () => {
    spaces = createNamespaces('flows');
    names = spaces.addPods(3) as unknown as typeof names;
    connect(spaces, names);
    for (const pod of names.slice(1)) stops.push((await serve(pod, PORT)).stop);
    ran = [];
    exec = (request, stop) => {
      ran.push([request.file, ...request.args].join(' '));
      return spaces.exec(request, stop);
    };
    backend = createBackend({ exec, family });
    flows = createFlowReconciler({ exec, family, log: createLines() });
  });
  afterAll(() => {
    for (const stop of stops) stop();
    spaces.remove();
  });

  test('follow the endpoints by every address, and only those that are stale go', async () => {
    await sync(withEndpoints(DNS, one));
    const clients = [
      client(DNS.clusterIp, 53),
      client(DNS.externalIps[0] ?? '', 53),
      client(hostIp(family, 0), DNS.nodePort),
    ];
    const bystander = client(OTHER.clusterIp, 53);
    const askAll = async (): Promise<readonly string[]> => Promise.all(clients.map((each) => each.ask()));
    expect([await askAll(), await bystander.ask()]).toEqual([Array(3).fill(names[1]), names[1]]);
    const bystanders = flowIds(OTHER.clusterIp);

    // Without the reconciler they stay where they were: this is what it is for.
    const plan = await write(withEndpoints(DNS, two));
    expect(await askAll()).toEqual(Array(3).fill(names[1]));
    ran = [];
    expect(await flows.reconcile(plan, signal)).toBe(3);
    expect(ran).toEqual([`conntrack -L -f ipv${family} -p udp`, expect.stringMatching(/^conntrack -R /)]);
    expect(await askAll()).toEqual(Array(3).fill(names[2]));

    // The last endpoint goes, and comes back.
    expect(await sync(withEndpoints(DNS))).toBe(3);
    expect(await askAll()).toEqual(Array(3).fill('no answer'));
    await sync(withEndpoints(DNS, one));
    expect(await askAll()).toEqual(Array(3).fill(names[1]));

    // The Service goes.
    expect(await sync()).toBe(3);
    expect(flowIds(DNS.clusterIp)).toEqual([]);

    expect(await bystander.ask()).toBe(names[1]);
    expect(flowIds(OTHER.clusterIp)).toEqual(bystanders);
  });

  test('stay with an endpoint that terminates, and over a restart', async () => {
    await sync(withEndpoints(DNS, one));
    const asking = client(DNS.clusterIp, 53);
    expect(await asking.ask()).toBe(names[1]);
    const leaving = { ...one, ready: false, terminating: true };
    const draining = { ...withEndpoints(DNS, two), formerEndpoints: [leaving] };
    expect(await sync(draining)).toBe(0);
    expect(await asking.ask()).toBe(names[1]);

    flows = createFlowReconciler({ exec, family, log: createLines() });
    expect(await sync(draining)).toBe(0);
    expect(await asking.ask()).toBe(names[1]);

    // What went while no daemon ran is seen by the next one.
    flows = createFlowReconciler({ exec, family, log: createLines() });
    expect(await sync(withEndpoints(DNS, two))).toBe(1);
    expect(await asking.ask()).toBe(names[2]);
  });

  test('that began before there were rules are translated once there are', async () => {
    await sync();
    const early = client(DNS.clusterIp, 53);
    expect(await early.ask()).toBe('no answer');
    await sync(withEndpoints(DNS, one));
    expect(await early.ask()).toBe(names[1]);
  });
});

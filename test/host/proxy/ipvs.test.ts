import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ipvsProblem } from '../../../proxy/ipvs/index.ts';
import { exec } from '../../../cni/util/exec.ts';
import type { ProxyBackend } from '../../../proxy/types.ts';
import { type Guest, guestProblem, startGuest } from '../../lab/guest.ts';
import {
  createIpvsNode,
  endpoint,
  type IpvsNode,
  NODE_IP,
  noSignal,
  OUTSIDE_IP,
  plan,
  podIp,
  service,
} from './ipvs-node.ts';

const BRIDGE_IP = '203.0.113.1';
const ELSEWHERE = { isLocal: false };

const web = service('web', '192.0.2.130', [endpoint(1), endpoint(2)], {
  nodePort: 30080,
  externalIps: ['192.0.2.140'],
});
const sticky = service('sticky', '192.0.2.131', [endpoint(1), endpoint(2)], { affinitySeconds: 10_800 });
const self = service('self', '192.0.2.132', [endpoint(1)]);
const empty = service('empty', '192.0.2.133', []);
const guarded = service('guarded', '192.0.2.134', [endpoint(1)], {
  loadBalancerIps: ['192.0.2.141'],
  sourceRanges: ['203.0.113.12/32'],
});
const local = service('local', '192.0.2.135', [endpoint(1), endpoint(2, ELSEWHERE)], {
  externalPolicyLocal: true,
  loadBalancerIps: ['192.0.2.142'],
  nodePort: 30081,
});
const away = service('away', '192.0.2.136', [endpoint(2, ELSEWHERE)], {
  externalPolicyLocal: true,
  loadBalancerIps: ['192.0.2.143'],
});
const all = [web, sticky, self, empty, guarded, local, away];

describe.skipIf(guestProblem !== undefined)('IPVS on a real kernel', () => {
  let guest: Guest;
  let node: IpvsNode;
  let backend: ProxyBackend;

  beforeAll(async () => {
    guest = await startGuest();
    node = await createIpvsNode(guest, 3);
    backend = node.backend(4);
    await backend.sync(plan(all), true, noSignal);
  });
  afterAll(() => guest?.stop());

  it('is possible in the guest, with every scheduler', async () => {
    for (const scheduler of ['rr', 'wrr', 'lc', 'wlc', 'dh', 'sh', 'sed', 'nq', 'mh'] as const) {
      expect(await ipvsProblem(guest.exec('node'), noSignal, scheduler)).toBeUndefined();
    }
  });

  it.each([
    { what: 'a pod at the cluster IP', from: 'p3', to: '192.0.2.130', port: 80, seen: podIp(3) },
    { what: 'the node at the cluster IP', from: 'node', to: '192.0.2.130', port: 80, seen: BRIDGE_IP },
    { what: 'another host at the cluster IP', from: 'outside', to: '192.0.2.130', port: 80, seen: BRIDGE_IP },
    { what: 'another host at the node port', from: 'outside', to: NODE_IP[4], port: 30080, seen: BRIDGE_IP },
    { what: 'the node at the node port', from: 'node', to: NODE_IP[4], port: 30080, seen: BRIDGE_IP },
    { what: 'another host at the external IP', from: 'outside', to: '192.0.2.140', port: 80, seen: BRIDGE_IP },
  ])('balances $what', async ({ from, to, port, seen }) => {
    const answers = await node.askOften(from, to, port, 4);
    expect([...answers].sort()).toEqual([`p1 ${seen}`, `p1 ${seen}`, `p2 ${seen}`, `p2 ${seen}`]);
  });

  it.each([
    { what: 'a pod is sent to itself', from: 'p1', to: '192.0.2.132', port: 80, answer: `p1 ${BRIDGE_IP}` },
    { what: 'nothing is behind a Service', from: 'p3', to: '192.0.2.133', port: 80, answer: 'no answer' },
    { what: 'another port is asked for', from: 'p3', to: '192.0.2.130', port: 8080, answer: 'no answer' },
    { what: 'a source is in a range', from: 'p2', to: '192.0.2.141', port: 80, answer: `p1 ${BRIDGE_IP}` },
    { what: 'a source is in no range', from: 'outside', to: '192.0.2.141', port: 80, answer: 'no answer' },
    { what: 'the node is in no range', from: 'node', to: '192.0.2.141', port: 80, answer: 'no answer' },
    { what: 'a policy is Local', from: 'outside', to: '192.0.2.142', port: 80, answer: `p1 ${OUTSIDE_IP[4]}` },
    { what: 'a node port is Local', from: 'outside', to: NODE_IP[4], port: 30081, answer: `p1 ${OUTSIDE_IP[4]}` },
    { what: 'no endpoint is here', from: 'outside', to: '192.0.2.143', port: 80, answer: 'no answer' },
    { what: 'no endpoint is here for a pod', from: 'p3', to: '192.0.2.143', port: 80, answer: `p2 ${podIp(3)}` },
  ])('answers $answer when $what', async ({ from, to, port, answer }) => {
    expect(await node.ask(from, to, port)).toBe(answer);
  });

  it('keeps a client at its endpoint', async () => {
    const answers = await node.askOften('p3', '192.0.2.131', 80, 5);
    expect(new Set(answers).size).toBe(1);
  });

  it('writes nothing when nothing changed, and finds all of it again', async () => {
    expect(await backend.sync(plan(all), false, noSignal)).toEqual({ full: false, written: 0 });
    const before = await held(guest);
    const restarted = node.backend(4);
    await restarted.sync(plan(all), true, noSignal);
    expect(await held(guest)).toBe(before);
    expect(await backend.isIntact(noSignal)).toBe(true);
  });

  it('notices that somebody flushed the virtual servers, and writes them again', async () => {
    await guest.check('ip netns exec node ipvsadm -C');
    expect(await backend.isIntact(noSignal)).toBe(false);
    await backend.sync(plan(all), true, noSignal);
    expect(await backend.isIntact(noSignal)).toBe(true);
  });

  it('lets a connection go on while its real server drains', async () => {
    await startEcho(guest);
    const echo = (pods: readonly number[]): ReturnType<typeof plan> =>
      plan([
        ...all,
        service(
          'echo',
          '192.0.2.144',
          pods.map((pod) => endpoint(pod, { port: 9090 })),
        ),
      ]);
    await backend.sync(echo([1]), false, noSignal);
    await guest.check(
      // The file is open for writing, too: opening it waits for nobody, and it does not end with the first writer.
      "mkfifo /tmp/say; ip netns exec p3 sh -c 'exec 5<>/tmp/say; nc 192.0.2.144 80 <&5' >/tmp/heard 2>&1 &",
    );
    await say(guest, 'first');
    await backend.sync(echo([2]), false, noSignal);
    expect(await reals(guest, '192.0.2.144')).toEqual([`${podIp(1)}:9090 0`, `${podIp(2)}:9090 1`]);
    await say(guest, 'second');

    await backend.tend?.(noSignal);
    expect(await reals(guest, '192.0.2.144')).toEqual([`${podIp(1)}:9090 0`, `${podIp(2)}:9090 1`]);
    node.advance(15 * 60_000);
    await backend.tend?.(noSignal);
    expect(await reals(guest, '192.0.2.144')).toEqual([`${podIp(2)}:9090 1`]);
  });

  it('serves IPv6 beside IPv4, each with its scheduler', async () => {
    const six = service('six', '2001:db8:9::1', [endpoint(1, {}, 6), endpoint(2, {}, 6)], { nodePort: 30080 });
    const backend6 = node.backend(6, 'mh');
    await backend6.sync(plan([six], 6), true, noSignal);
    expect(await node.ask('p3', '2001:db8:9::1', 80)).toMatch(/^p[12] 2001:db8:1::13$/);
    expect(await node.ask('outside', NODE_IP[6], 30080)).toMatch(/^p[12] 2001:db8:1::1$/);
    expect(await guest.check('ip netns exec node ipvsadm -S -n')).toContain('[2001:db8:9::1]:80 -s mh -b ');
    await backend6.cleanup(noSignal);
    expect(await node.ask('p3', '192.0.2.132', 80)).toBe(`p1 ${podIp(3)}`);
  });

  it('removes what is its own, and nothing else', async () => {
    const others = ['ipvsadm -A -t 192.0.2.200:25 -s rr', 'ipset create other hash:ip', 'iptables -t nat -N OTHER'];
    for (const command of others) await guest.check(`ip netns exec node ${command}`);
    await backend.cleanup(noSignal);
    await backend.cleanup(noSignal);
    expect(await guest.check('ip netns exec node ipvsadm -S -n')).toBe('-A -t 192.0.2.200:25 -s rr\n');
    expect(await guest.check('ip netns exec node ipset list -n')).toBe('other\n');
    expect(await guest.check('ip -n node -o link')).not.toContain('kube');
    expect(await guest.check('ip netns exec node iptables-save')).not.toContain('KUBE');
    expect(await guest.check('ip netns exec node iptables-save')).toContain('OTHER');
  });
});

describe('a kernel without IPVS', () => {
  it('is refused with the modules to load', async () => {
    const problem = await ipvsProblem(exec, noSignal);
    expect(problem).toMatch(/^the kernel lacks IPVS: load the modules ip_vs and nf_conntrack \(modprobe ip_vs\): /);
  });
});

/** Everything that the backend writes, in a stable order. */
async function held(guest: Guest): Promise<string> {
  const commands = ['ipvsadm -S -n', 'ipset save | sort', 'ip -o addr show dev kube-ipvs0', 'iptables-save | grep ^-'];
  return guest.check(commands.map((command) => `ip netns exec node ${command}`).join('; '));
}

async function reals(guest: Guest, address: string): Promise<readonly string[]> {
  const saved = await guest.check('ip netns exec node ipvsadm -S -n');
  const found = saved.matchAll(new RegExp(`^-a -t ${address}:80 -r (\\S+) -m -w (\\d+)$`, 'gm'));
  return Array.from(found, ([, real, weight]) => `${real} ${weight}`).sort();
}

/** Servers that send back what they get. */
async function startEcho(guest: Guest): Promise<void> {
  for (const pod of ['p1', 'p2']) {
    await guest.check(`ip netns exec ${pod} nc -ll -p 9090 -e cat >/dev/null 2>&1 &`);
  }
  await guest.check(
    'for pod in p1 p2; do until ip netns exec $pod netstat -ltn | grep -q :9090; do usleep 50000; done; done',
  );
}

/** Sends a line over the open connection; it must come back. */
async function say(guest: Guest, line: string): Promise<void> {
  const wait = `i=0; until grep -q '^${line}$' /tmp/heard; do i=$((i+1)); [ $i -lt 100 ] || exit 1; usleep 50000; done`;
  await guest.check(`echo ${line} >/tmp/say; ${wait}`);
}

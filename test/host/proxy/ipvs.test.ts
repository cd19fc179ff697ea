import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ipvsProblem } from '../../../proxy/ipvs/index.ts';
import { exec } from '../../../cni/util/exec.ts';
import type { Family, ProxyBackend } from '../../../proxy/types.ts';
import { type Guest, guestProblem, startGuest } from '../../lab/guest.ts';
import { planOfScenario, ready, type Scenario } from '../../scenarios/scenario.ts';
import { addressOf, bothAddresses, type Place } from '../../scenarios/world.ts';
import { createIpvsNode, enter, type IpvsNode, namespaceOf } from './ipvs-node.ts';
import { askScenarios } from './ipvs-scenarios.ts';

/** All of a guest is emulated: 20 s for the scenarios, and minutes on a busy machine. */
const TIMEOUT_MS = 600_000;

const signal = new AbortController().signal;
const CLUSTER_IP = addressOf('cluster', 4);
const EXTERNAL_IP = addressOf('external', 4);

const web: Scenario = {
  title: 'web',
  service: {
    type: 'LoadBalancer',
    externalIPs: bothAddresses('external'),
    loadBalancerSourceRanges: ['203.0.113.0/24', '2001:db8:1::/64'],
    ports: [{ port: 80, nodePort: 30_080 }],
  },
  endpoints: ready('a', 'b'),
  rows: [],
};

/** Behind port 80 the usual server, behind 443 what {@link startEcho} starts. */
const echo = (...places: readonly Place[]): Scenario => ({
  title: 'echo',
  service: {
    ports: [
      { name: 'name', port: 80 },
      { name: 'echo', port: 443 },
    ],
  },
  endpoints: ready(...places),
  rows: [],
});

describe.skipIf(guestProblem !== undefined)('IPVS on a real kernel', { timeout: TIMEOUT_MS }, () => {
  let guest: Guest;
  let node: IpvsNode;
  let backend: ProxyBackend;

  const sync = (scenario: Scenario, family: Family = 4): Promise<unknown> =>
    backend.sync(planOfScenario(scenario, family), false, signal);

  beforeAll(async () => {
    guest = await startGuest();
    node = await createIpvsNode(guest);
    backend = node.backend(4);
  }, TIMEOUT_MS);
  afterAll(() => guest?.stop());

  it('has a guest that gives all output and the exit code back', async () => {
    const lines = Array.from({ length: 20_000 }, (_, line) => `line ${line + 1}\n`).join('');
    expect(await guest.run("seq 20000 | sed 's/^/line /'; echo failed >&2; exit 7")).toEqual({
      exitCode: 7,
      stdout: lines,
      stderr: 'failed\n',
    });
  });

  it('is possible in the guest, with every scheduler', async () => {
    for (const scheduler of ['rr', 'wrr', 'lc', 'wlc', 'dh', 'sh', 'sed', 'nq', 'mh'] as const) {
      expect(await ipvsProblem(guest.exec(namespaceOf('node')), signal, scheduler)).toBeUndefined();
    }
  });

  it('does with packets what the scenarios say', async () => {
    const { expected, met } = await askScenarios(node, signal);
    expect(met).toEqual(expected);
  });

  it('sends connections to the endpoints in turn', async () => {
    await sync(web);
    const question = { from: 'c', protocol: 'TCP', ip: CLUSTER_IP, port: 80, times: 6, seconds: 60 } as const;
    const [answers = []] = await node.ask([question]);
    const seen = addressOf('c', 4);
    expect([...answers].sort()).toEqual([...Array<string>(3).fill(`a ${seen}`), ...Array<string>(3).fill(`b ${seen}`)]);
  });

  it('runs nothing when nothing changed, and finds all of it again', async () => {
    await sync(web);
    node.ran.length = 0;
    expect(await sync(web)).toEqual({ full: false, written: 0 });
    expect(node.ran).toEqual([]);
    const before = await held(guest);
    await node.backend(4).sync(planOfScenario(web, 4), true, signal);
    // It writes its chains anew, and nothing else.
    expect(node.ran).toEqual(['ipvsadm', 'ipset', 'ip', 'iptables-save', 'iptables-restore']);
    expect(await held(guest)).toBe(before);
    expect(await backend.isIntact(signal)).toBe(true);
  });

  it.each([
    ['virtual servers', 'ipvsadm -C'],
    ['addresses', '/opt/bin/ip addr flush dev kube-ipvs0'],
    ['chains', 'sh -c "iptables -t mangle -F; iptables -t mangle -X"'],
  ])('notices that somebody flushed %s, and writes them again', async (_, command) => {
    await sync(web);
    const before = await held(guest);
    await guest.check(`${enter('node')} ${command}`);
    expect(await backend.isIntact(signal)).toBe(false);
    await backend.sync(planOfScenario(web, 4), true, signal);
    expect(await backend.isIntact(signal)).toBe(true);
    expect(await held(guest)).toBe(before);
  });

  it('lets a connection go on while its real server drains', async () => {
    await startEcho(guest);
    await sync(echo('c'));
    await guest.check(
      // The file is open for writing, too: opening it waits for nobody, and it does not end with the first writer.
      `mkfifo /tmp/say; ${enter('a')} sh -c 'exec 5<>/tmp/say; nc ${CLUSTER_IP} 443 <&5' >/tmp/heard 2>&1 &`,
    );
    await say(guest, 'first');
    await sync(echo('d'));
    const draining = [`${addressOf('c', 4)}:8081 0`, `${addressOf('d', 4)}:8081 1`];
    expect(await reals(guest, '-t', 443)).toEqual(draining);
    await say(guest, 'second');
    const question = { from: 'b', protocol: 'TCP', ip: CLUSTER_IP, port: 80, times: 4, seconds: 60 } as const;
    expect(await node.ask([question])).toEqual([Array<string>(4).fill(`d ${addressOf('b', 4)}`)]);

    await backend.tend?.(signal);
    expect(await reals(guest, '-t', 443)).toEqual(draining);
    expect(await reals(guest, '-t', 80)).toEqual([`${addressOf('d', 4)}:8080 1`]);
    node.advance(15 * 60_000);
    await backend.tend?.(signal);
    expect(await reals(guest, '-t', 443)).toEqual([`${addressOf('d', 4)}:8081 1`]);
  });

  it('sends a client of UDP elsewhere at once', async () => {
    const udp = (place: Place): Scenario => ({ title: 'udp', protocol: 'UDP', endpoints: ready(place), rows: [] });
    await sync(udp('a'));
    expect(await askAgain(node)).toBe(`a ${addressOf('c', 4)}`);
    await sync(udp('b'));
    expect(await reals(guest, '-u', 80)).toEqual([`${addressOf('b', 4)}:8080 1`]);
    expect(await askAgain(node)).toBe(`b ${addressOf('c', 4)}`);
  });

  it('sets what IPVS needs, and lets other links answer ARP for its addresses unless it is strict', async () => {
    await sync(web);
    const usual = 'conntrack 1\nexpire_nodest_conn 1\nexpire_quiescent_template 1\n';
    expect(await sysctls(guest)).toBe(`${usual}arp_ignore 0\narp_announce 0\n`);
    expect(await answersArp(guest)).toBe(true);
    await node.backend(4, { strictArp: true }).sync(planOfScenario(web, 4), true, signal);
    expect(await sysctls(guest)).toBe(`${usual}arp_ignore 1\narp_announce 2\n`);
    expect(await answersArp(guest)).toBe(false);
  });

  it('serves IPv6 beside IPv4, each with its scheduler', async () => {
    await sync(web);
    const backend6 = node.backend(6, { scheduler: 'mh' });
    await backend6.sync(planOfScenario(web, 6), true, signal);
    const ask = (family: Family) => ({
      ...({ from: 'c', protocol: 'TCP', port: 80, times: 1, seconds: 60 } as const),
      ip: addressOf('cluster', family),
    });
    expect(await node.ask([ask(4), ask(6)])).toEqual([
      [expect.stringMatching(/^[ab] 203\.0\.113\.4$/)],
      [expect.stringMatching(/^[ab] 2001:db8:1::4$/)],
    ]);
    const saved = await guest.check(`${enter('node')} ipvsadm -S -n`);
    expect(saved).toContain(`[${addressOf('cluster', 6)}]:80 -s mh -b `);
    expect(saved).toContain(`${CLUSTER_IP}:80 -s rr\n`);
    await backend6.cleanup(signal);
    expect(await backend.isIntact(signal)).toBe(true);
    expect(await guest.check(`${enter('node')} ip6tables-save`)).not.toContain('KUBE');
  });

  it('removes what is its own, and nothing else', async () => {
    await sync(web);
    const others = ['ipvsadm -A -t 192.0.2.200:25 -s rr', 'ipset create other hash:ip', 'iptables -t nat -N OTHER'];
    for (const command of others) await guest.check(`${enter('node')} ${command}`);
    // Of a daemon before this one, too.
    await node.backend(4).cleanup(signal);
    await backend.cleanup(signal);
    expect(await guest.check(`${enter('node')} ipvsadm -S -n`)).toBe('-A -t 192.0.2.200:25 -s rr\n');
    expect(await guest.check(`${enter('node')} ipset list -n`)).toBe('other\n');
    expect(await guest.check('ip -n s-node -o link')).not.toContain('kube');
    const rules = await guest.check(`${enter('node')} iptables-save`);
    expect(rules).not.toContain('KUBE');
    expect(rules).toContain('OTHER');
  });
});

describe('a kernel without IPVS', () => {
  it('is refused with the modules to load', async () => {
    const problem = await ipvsProblem(exec, signal);
    expect(problem).toMatch(/^the kernel lacks IPVS: load the modules ip_vs and nf_conntrack \(modprobe ip_vs\): /);
  });
});

/** Everything that the backend writes, in a stable order. */
async function held(guest: Guest): Promise<string> {
  const commands = [
    'ipvsadm -S -n',
    'ipset save | sort',
    '/opt/bin/ip -o addr show dev kube-ipvs0 | sort -k 4',
    'iptables-save | grep ^-',
  ];
  return guest.check(commands.map((command) => `${enter('node')} ${command}`).join('; '));
}

async function reals(guest: Guest, option: '-t' | '-u', port: number): Promise<readonly string[]> {
  const saved = await guest.check(`${enter('node')} ipvsadm -S -n`);
  const found = saved.matchAll(new RegExp(`^-a ${option} ${CLUSTER_IP}:${port} -r (\\S+) -m -w (\\d+)$`, 'gm'));
  return Array.from(found, ([, real, weight]) => `${real} ${weight}`).sort();
}

/** Servers that send back what they get. */
async function startEcho(guest: Guest): Promise<void> {
  for (const pod of ['c', 'd'] as const) {
    const ready = `until ${enter(pod)} netstat -ltn | grep -q :8081; do usleep 50000; done`;
    await guest.check(`${enter(pod)} nc -ll -p 8081 -e cat >/dev/null 2>&1 & ${ready}`);
  }
}

/** Sends a line over the open connection; it must come back. */
async function say(guest: Guest, line: string): Promise<void> {
  const wait = `i=0; until grep -q '^${line}$' /tmp/heard; do i=$((i+1)); [ $i -lt 200 ] || exit 1; usleep 50000; done`;
  await guest.check(`echo ${line} >/tmp/say; ${wait}`);
}

/** What a pod hears that asks from one port until it is answered: the kernel drops a packet when it forgets the old real server. */
async function askAgain(node: IpvsNode): Promise<string | undefined> {
  const question = { from: 'c', protocol: 'UDP', ip: CLUSTER_IP, port: 80, times: 1, sourcePort: 5_000 } as const;
  for (const seconds of [2, 2, 60]) {
    const [[answer] = []] = await node.ask([{ ...question, seconds }]);
    if (answer !== 'silence') return answer;
  }
  return 'silence';
}

async function sysctls(guest: Guest): Promise<string> {
  const paths = [
    ...['conntrack', 'expire_nodest_conn', 'expire_quiescent_template'].map((name) => `vs/${name}`),
    ...['arp_ignore', 'arp_announce'].map((name) => `conf/all/${name}`),
  ];
  const script = `cd /proc/sys/net/ipv4; for path in ${paths.join(' ')}; do echo $(basename $path) $(cat $path); done`;
  return guest.check(`${enter('node')} sh -c '${script}'`);
}

/** Whether the node tells the link address of an external IP, which is on no link that is up, to its network. */
async function answersArp(guest: Guest): Promise<boolean> {
  const { stdout } = await guest.run(`${enter('outside')} arping -c 2 -w 2 -I eth0 ${EXTERNAL_IP}`);
  return stdout.includes('reply from');
}

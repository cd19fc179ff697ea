import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createIptablesBackend } from '../../../proxy/iptables/index.ts';
import { createNftablesBackend } from '../../../proxy/nftables/index.ts';
import type { Family, ProxyBackend } from '../../../proxy/types.ts';
import { tellAnswers, visible } from '../../scenarios/answers.ts';
import { type Expected, planOfScenario, ready, type Row, type Scenario } from '../../scenarios/scenario.ts';
import { scenarios } from '../../scenarios/scenarios.ts';
import { addressOf, FAMILIES, type Source, targetOf } from '../../scenarios/world.ts';
import { serve } from '../cni/traffic.ts';
import { type Client, startClient } from './client.ts';
import { createProxyLab, type ProxyLab } from './nftables.ts';

const signal = AbortSignal.timeout(180_000);
const backends = { iptables: createIptablesBackend, nftables: createNftablesBackend } as const;
const modes = ['iptables', 'nftables'] as const;
const sources: readonly Source[] = ['a', 'b', 'c', 'node', 'outside'];

let lab: ProxyLab;
let clients: Readonly<Record<Source, Client>>;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  lab = createProxyLab('scen', 4);
  ends.push(() => lab.remove());
  const [a = '', b = '', c = '', d = ''] = lab.pods.map(({ name }) => name);
  const places = { a, b, c, d, far: addSecondHost(lab), outside: lab.peer.name, node: lab.host };
  const servers = [
    ...(['a', 'b', 'c', 'd', 'far'] as const).map((place) => serve(places[place], 8080, place)),
    ...(['a', 'b'] as const).map((place) => serve(places[place], 8081, `${place}:8081`)),
  ];
  for (const { stop } of await Promise.all(servers)) ends.unshift(stop);
  const started = await Promise.all(sources.map(async (name) => [name, await startClient(places[name])] as const));
  for (const [, client] of started) ends.unshift(() => client.stop());
  clients = Object.fromEntries(started) as Record<Source, Client>;
}, 60_000);

afterAll(async () => {
  for (const end of ends) await end();
});

/**
 * Joins a namespace to the host's that has an endpoint as on another host, and gives the peer ways to pods and Services.
 *
 * @returns its name
 */
function addSecondHost(lab: ProxyLab): string {
  const { host, peer } = lab;
  const [far = ''] = lab.addPods(1);
  const run = (...command: Parameters<typeof lab.run>): string => lab.run(...command);
  run(host, 'sysctl', '-q', '-w', 'net.ipv6.icmp.ratelimit=0');
  run(host, 'ip', 'link', 'add', 'up1', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', far);
  run(host, 'ip', 'addr', 'add', `${addressOf('node', 6)}/128`, 'dev', 'up1', 'nodad');
  run(host, 'ip', 'link', 'set', 'up1', 'up');
  for (const link of ['lo', 'eth0']) run(far, 'ip', 'link', 'set', link, 'up');
  for (const family of FAMILIES) {
    const [own, node] = [addressOf('far', family), addressOf('node', family)];
    run(far, 'ip', 'addr', 'add', own, 'dev', 'eth0', ...(family === 6 ? ['nodad'] : []));
    run(far, 'ip', `-${family}`, 'route', 'add', node, 'dev', 'eth0');
    run(far, 'ip', `-${family}`, 'route', 'add', 'default', 'via', node);
    run(host, 'ip', `-${family}`, 'route', 'add', own, 'dev', 'up1', 'src', node);
  }
  run(peer.name, 'ip', 'route', 'add', '203.0.113.0/24', 'via', addressOf('node', 4));
  for (const network of ['2001:db8:1::/64', '2001:db8:a::/64', '2001:db8:b::/64'])
    run(peer.name, 'ip', 'route', 'add', network, 'via', addressOf('node', 6));
  return far;
}

/** More than this many connections do not miss an endpoint of three (1e-17). */
const most = 100;

/** What the connections of a row met, in the words of {@link Expected}. */
async function meet(scenario: Scenario, [from, to]: Row, expected: Expected, family: Family): Promise<Expected> {
  const { ip: host, port } = targetOf(to, family);
  const transport = scenario.protocol === 'UDP' ? 'UDP' : 'TCP';
  const isSilent = expected === 'dropped';
  const question = { host, port, transport, waitMs: isSilent ? 400 : 5_000 } as const;
  const client = clients[from];
  if (scenario.isSticky === true) {
    const first = await client.ask({ ...question, round: 1 });
    return tellAnswers([...first, ...(await client.ask({ ...question, round: 8 }))], from, family);
  }
  const want = expected.split(', ').length;
  return tellAnswers(await client.ask({ ...question, round: isSilent ? 2 : 6, most, want }), from, family);
}

describe.each(modes)('%s on the kernel', (mode) => {
  describe.each(FAMILIES)('IPv%i', (family) => {
    let backend: ProxyBackend;
    beforeAll(() => {
      backend = backends[mode]({ exec: lab.exec, family });
      return () => backend.cleanup(signal);
    });

    test.each(scenarios)('$title', async (scenario) => {
      await backend.sync(planOfScenario(scenario, family), false, signal);
      // Flows of the scenario before would go on.
      lab.run(lab.host, 'conntrack', '-F');
      const wanted = scenario.rows.flatMap((row) => {
        const expected = visible(row, mode);
        return expected === undefined ? [] : [{ row, expected }];
      });
      const met = await Promise.all(
        wanted.map(async ({ row, expected }) => [row[0], row[1], await meet(scenario, row, expected, family)]),
      );
      if (scenario.isSticky !== true) {
        expect(met).toEqual(wanted.map(({ row, expected }) => [row[0], row[1], expected]));
      } else {
        for (const [index, [, , one]] of met.entries()) expect(wanted[index]?.expected.split(', ')).toContain(one);
      }
    });
  });

  test('1,000 connections are spread evenly over 4 endpoints', async () => {
    const backend = backends[mode]({ exec: lab.exec, family: 4 });
    const scenario: Scenario = { title: 'balance', endpoints: ready('a', 'b', 'c', 'd'), rows: [] };
    await backend.sync(planOfScenario(scenario, 4), false, signal);
    const { ip: host, port } = targetOf('cluster', 4);
    const question = { host, port, transport: 'TCP', waitMs: 10_000 } as const;
    const answers = await clients.outside.ask({ ...question, round: 25, most: 1_000 });
    await backend.cleanup(signal);
    const shares = new Map<string, number>();
    for (const answer of answers) shares.set(answer, (shares.get(answer) ?? 0) + 1);
    expect([...shares.keys()].sort()).toEqual(['a', 'b', 'c', 'd'].map((name) => `${name} ${addressOf('bridge', 4)}`));
    // 4 sigma of a binomial distribution.
    for (const share of shares.values()) expect(Math.abs(share - 250)).toBeLessThan(4 * Math.sqrt(1_000 * 0.25 * 0.75));
  });
});

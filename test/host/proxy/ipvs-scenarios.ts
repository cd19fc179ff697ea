import { createIpvsBackend } from '../../../proxy/ipvs/index.ts';
import type { Family, ProxyPlan, ServicePortPlan } from '../../../proxy/types.ts';
import type { Guest } from '../../lab/guest.ts';
import { tellAnswers, visible } from '../../scenarios/answers.ts';
import { type Expected, planOfScenario, type Row, type Scenario } from '../../scenarios/scenario.ts';
import { scenarios } from '../../scenarios/scenarios.ts';
import { addressOf, FAMILIES, type Place, settingsOf, targetOf } from '../../scenarios/world.ts';

/** One row of a scenario, with what is to be asked for it. */
interface Question {
  readonly scenario: Scenario;
  readonly row: Row;
  readonly family: Family;
  readonly expected: Expected;
  readonly ip: string;
  readonly port: number;
}

/** Scenario, family, source, destination, and what became of the connections. */
export type Told = readonly [title: string, family: Family, from: string, to: string, met: Expected];

/**
 * Asks for all rows of all scenarios, IPVS being in a guest. A sync takes seconds there, so scenarios of the same settings are in one
 * plan: each has addresses and node ports of its own.
 */
export async function askScenarios(
  guest: Guest,
  signal: AbortSignal,
): Promise<{ readonly expected: readonly Told[]; readonly met: readonly Told[] }> {
  const backends = FAMILIES.map((family) =>
    createIpvsBackend({
      exec: guest.exec('s-node'),
      family,
      setSysctl: async (name, value) => {
        await guest.check(`ip netns exec s-node sh -c 'echo ${value} >/proc/sys/${name}'`);
      },
      clock: { now: Date.now },
    }),
  );
  await guest.check(layout);
  await guest.check(`perl /opt/guest-net.pl serve <<'END'\n${servers.join('\n')}\nEND`);
  const expected: Told[] = [];
  const met: Told[] = [];
  for (const [at, numbers] of groups().entries()) {
    // Settings other than the usual ones work on sources and marks, which IPv6 has no other code for.
    const families = at === 0 ? FAMILIES : FAMILIES.slice(0, 1);
    for (const [index, family] of families.entries())
      await backends[index]?.sync(planOf(numbers, family), false, signal);
    const questions = families.flatMap((family) => numbers.flatMap((number) => questionsOf(number, family)));
    const answers = await askAll(guest, questions);
    expected.push(...questions.map((question) => told(question, question.expected)));
    met.push(...questions.map((question, index) => told(question, answers[index] ?? '')));
  }
  return { expected, met };
}

const told = ({ scenario: { title }, family, row: [from, to] }: Question, what: Expected): Told => [
  ...([title, family, from, to] as const),
  what,
];

/** Numbers of scenarios, by what their settings are. */
function groups(): readonly (readonly number[])[] {
  const bySettings = new Map<string, number[]>();
  for (const [number, scenario] of scenarios.entries()) {
    const key = JSON.stringify(FAMILIES.map((family) => planOfScenario(scenario, family).settings));
    bySettings.set(key, [...(bySettings.get(key) ?? []), number]);
  }
  return [...bySettings.values()];
}

function planOf(numbers: readonly number[], family: Family): ProxyPlan {
  const plans = numbers.flatMap((number) => {
    const scenario = scenarios[number];
    return scenario === undefined ? [] : [{ number, plan: planOfScenario(scenario, family) }];
  });
  const settings = plans[0]?.plan.settings ?? settingsOf(family);
  return { settings, services: plans.flatMap(({ number, plan }) => plan.services.map((port) => move(port, number))) };
}

function move(plan: ServicePortPlan, number: number): ServicePortPlan {
  const { clusterIp, externalIps, loadBalancerIps, nodePort, family } = plan;
  return {
    ...plan,
    clusterIp: moveIp(clusterIp, number, family),
    externalIps: externalIps.map((ip) => moveIp(ip, number, family)),
    loadBalancerIps: loadBalancerIps.map((ip) => moveIp(ip, number, family)),
    nodePort: movePort(nodePort, number),
  };
}

const bases = { cluster: 130, balancer: 40, external: 80 } as const;

function moveIp(ip: string, number: number, family: Family): string {
  const name = (['cluster', 'balancer', 'external'] as const).find((name) => addressOf(name, family) === ip);
  if (name === undefined) return ip;
  return `${family === 4 ? '192.0.2.' : '2001:db8:a::'}${bases[name] + number}`;
}

const movePort = (port: number, number: number): number => (port < 30_000 ? port : port + number);

function questionsOf(number: number, family: Family): readonly Question[] {
  const scenario = scenarios[number];
  return (scenario?.rows ?? []).flatMap((row): readonly Question[] => {
    const expected = visible(row, 'ipvs');
    if (scenario === undefined || expected === undefined) return [];
    const { ip, port } = targetOf(row[1], family);
    return [{ scenario, row, family, expected, ip: moveIp(ip, number, family), port: movePort(port, number) }];
  });
}

/** Asked again when not all endpoints were met: those that ask at the same time share the turns of a virtual server. */
const ROUNDS = 4;

async function askAll(guest: Guest, questions: readonly Question[]): Promise<readonly Expected[]> {
  const answers = questions.map((): readonly string[] => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    const left = questions.flatMap((question, index) =>
      tell(question, answers[index]) === question.expected ? [] : [index],
    );
    if (left.length === 0) break;
    const lines = left.map((index) => lineOf(questions[index]));
    const { stdout, stderr } = await guest.run(`perl /opt/guest-net.pl ask <<'END'\n${lines.join('\n')}\nEND`, 150_000);
    if (stderr !== '') throw new Error(`connections in the guest: ${stderr}`);
    for (const [at, line] of stdout.trimEnd().split('\n').entries()) {
      const index = left[at] ?? -1;
      answers[index] = [...(answers[index] ?? []), ...line.split('\t')];
    }
  }
  return questions.map((question, index) => tell(question, answers[index]));
}

/** A client that stays with one of the endpoints met what was expected. */
function tell({ scenario, row: [from], family, expected }: Question, answers: readonly string[] = []): Expected {
  const met = tellAnswers(answers, from, family);
  return scenario.isSticky === true && expected.split(', ').includes(met) ? expected : met;
}

function lineOf(question: Question | undefined): string {
  if (question === undefined) return '';
  const { scenario, row, expected, ip, port } = question;
  const isSilent = expected === 'dropped';
  const times = isSilent ? 1 : scenario.isSticky === true ? 6 : expected.split(', ').length * 2;
  return [`s-${row[0]}`, scenario.protocol ?? 'TCP', ip, port, times, isSilent ? 2 : 20].join(' ');
}

const places: readonly Place[] = ['a', 'b', 'c', 'd', 'far'];
const pods = places.filter((place) => place !== 'far');

const servers = [
  ...places.flatMap((place) => ['TCP', 'UDP'].map((transport) => `s-${place} ${transport} 8080 ${place}`)),
  ...['a', 'b'].map((place) => `s-${place} TCP 8081 ${place}:8081`),
];

/** As the lab of the other modes (`addSecondHost`, scenarios.test.ts). */
const layout = [
  'set -e',
  ...['node', 'outside', ...places].map((name) => `ip netns add s-${name}; ip -n s-${name} link set lo up`),
  ...['ipv4/ip_forward', 'ipv6/conf/all/forwarding'].map(
    (name) => `ip netns exec s-node sh -c 'echo 1 >/proc/sys/net/${name}'`,
  ),
  `ip netns exec s-node sh -c 'echo 0 >/proc/sys/net/ipv6/icmp/ratelimit; echo 0 >/proc/sys/net/ipv4/icmp_ratelimit'`,
  'ip -n s-node link add cni0 type bridge',
  'ip -n s-node link set cni0 up',
  `ip -n s-node addr add ${addressOf('bridge', 4)}/24 dev cni0; ip -n s-node addr add ${addressOf('bridge', 6)}/64 dev cni0 nodad`,
  ...pods.flatMap((pod) => [
    `ip -n s-node link add to-${pod} type veth peer name eth0 netns s-${pod}`,
    `ip -n s-node link set to-${pod} master cni0 up`,
    `ip -n s-node link set to-${pod} type bridge_slave hairpin on`,
    ...host(pod, 'bridge', 24),
  ]),
  'ip -n s-node link add up0 type veth peer name eth0 netns s-outside',
  'ip -n s-node link add up1 type veth peer name eth0 netns s-far',
  'ip -n s-node link set up0 up; ip -n s-node link set up1 up',
  `ip -n s-node addr add ${addressOf('node', 4)}/24 dev up0; ip -n s-node addr add ${addressOf('node', 6)}/64 dev up0 nodad`,
  `ip -n s-node addr add ${addressOf('node', 6)}/128 dev up1 nodad`,
  ...host('outside', 'node', 24),
  ...host('far', 'node', 32),
  ...FAMILIES.map(
    (family) => `ip -n s-node route add ${addressOf('far', family)} dev up1 src ${addressOf('node', family)}`,
  ),
].join('\n');

/** A host with one link, and its way to all others. */
function host(name: Place | 'outside', gateway: 'bridge' | 'node', prefix: number): readonly string[] {
  const ip = `ip -n s-${name}`;
  return [
    `${ip} link set eth0 up`,
    `${ip} addr add ${addressOf(name, 4)}/${prefix} dev eth0; ${ip} addr add ${addressOf(name, 6)}/${prefix === 24 ? 64 : 128} dev eth0 nodad`,
    ...FAMILIES.flatMap((family) => [
      ...(prefix === 24 ? [] : [`${ip} route add ${addressOf(gateway, family)} dev eth0`]),
      `${ip} route add default via ${addressOf(gateway, family)}`,
    ]),
  ];
}

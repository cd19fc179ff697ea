import type { Family, ProxyPlan, ServicePortPlan } from '../../../proxy/types.ts';
import { tellAnswers, visible } from '../../scenarios/answers.ts';
import { type Expected, planOfScenario, type Row, type Scenario } from '../../scenarios/scenario.ts';
import { scenarios } from '../../scenarios/scenarios.ts';
import { addressOf, FAMILIES, settingsOf, targetOf } from '../../scenarios/world.ts';
import type { GuestQuestion, IpvsNode } from './ipvs-node.ts';

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
 * Asks for all rows of all scenarios. A sync takes a second in a guest, so scenarios of the same settings are in one plan: each has
 * addresses and node ports of its own.
 */
export async function askScenarios(
  node: IpvsNode,
  signal: AbortSignal,
): Promise<{ readonly expected: readonly Told[]; readonly met: readonly Told[] }> {
  const backends = FAMILIES.map((family) => ({ family, backend: node.backend(family) }));
  const expected: Told[] = [];
  const met: Told[] = [];
  for (const [at, numbers] of groups().entries()) {
    // Settings other than the usual ones work on sources and marks, which IPv6 has no other code for.
    const asked = at === 0 ? backends : backends.slice(0, 1);
    for (const { family, backend } of asked) await backend.sync(planOf(numbers, family), false, signal);
    const questions = asked.flatMap(({ family }) => numbers.flatMap((number) => questionsOf(number, family)));
    const answers = await askAll(node, questions);
    expected.push(...questions.map((question) => told(question, question.expected)));
    met.push(...questions.map((question, index) => told(question, answers[index] ?? '')));
  }
  for (const { backend } of backends) await backend.cleanup(signal);
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

async function askAll(node: IpvsNode, questions: readonly Question[]): Promise<readonly Expected[]> {
  const asked = questions.map((question) => ({ question, answers: [] as string[] }));
  for (let round = 0; round < ROUNDS; round += 1) {
    const left = asked.filter(({ question, answers }) => tell(question, answers) !== question.expected);
    if (left.length === 0) break;
    const answers = await node.ask(left.map(({ question }) => connectionsOf(question)));
    for (const [index, each] of left.entries()) each.answers.push(...(answers[index] ?? []));
  }
  return asked.map(({ question, answers }) => tell(question, answers));
}

/** A client that stays with one of the endpoints met what was expected. */
function tell({ scenario, row: [from], family, expected }: Question, answers: readonly string[] = []): Expected {
  const met = tellAnswers(answers, from, family);
  return scenario.isSticky === true && expected.split(', ').includes(met) ? expected : met;
}

function connectionsOf({ scenario, row, expected, ip, port }: Question): GuestQuestion {
  const isSilent = expected === 'dropped';
  const times = isSilent ? 1 : scenario.isSticky === true ? 6 : expected.split(', ').length * 2;
  return { from: row[0], protocol: scenario.protocol ?? 'TCP', ip, port, times, seconds: isSilent ? 2 : 60 };
}

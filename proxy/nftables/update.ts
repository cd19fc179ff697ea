import { formatServicePortName, type ProxyPlan, type ProxySettings, type ServicePortPlan } from '../types.ts';
import { countRules, elementsOfPlan, renderElementChanges, type Script } from './render.ts';
import { serviceAffinitySets, serviceRules } from './service.ts';
import type { Chain, Elements } from './table.ts';
import { affinitySetText, chainText, tableOf } from './text.ts';

/** What the table in the kernel was made of: known by what was written last, nothing is read back. */
export interface Written {
  readonly settings: ProxySettings;
  readonly services: ReadonlyMap<string, ServicePortPlan>;
  readonly elements: Elements;
  /** Chains that are empty and not used any more, and when they became so (milliseconds of the caller's clock). */
  readonly stale: ReadonlyMap<string, number>;
}

/** What a table holds that {@link renderTable} has just written. */
export function writtenByTable(plan: ProxyPlan): Written {
  return { settings: plan.settings, services: servicesByKey(plan), elements: elementsOfPlan(plan), stale: new Map() };
}

const servicesByKey = ({ services }: ProxyPlan): ReadonlyMap<string, ServicePortPlan> =>
  new Map(services.map((service) => [`${service.protocol} ${formatServicePortName(service.name)}`, service]));

/** A change of the rules of one Service port. */
interface ServiceChange {
  readonly before: ServicePortPlan | undefined;
  readonly after: ServicePortPlan | undefined;
}

/** Plans that are the same object did not change. */
function changedServices(before: Written['services'], after: Written['services']): readonly ServiceChange[] {
  const changes: ServiceChange[] = [];
  for (const [key, service] of after) {
    const old = before.get(key);
    if (old !== service) changes.push({ before: old, after: service });
  }
  for (const [key, service] of before) {
    if (!after.has(key)) changes.push({ before: service, after: undefined });
  }
  return changes;
}

/** Chains and sets of one Service port that a change writes or empties. */
interface Difference {
  readonly emptied: readonly string[];
  readonly removed: readonly string[];
  readonly removedSets: readonly string[];
  readonly sets: readonly string[];
  readonly chains: readonly Chain[];
}

function differenceOf({ before, after }: ServiceChange, settings: ProxySettings): Difference {
  const { family } = settings;
  const rulesOf = (plan: ServicePortPlan | undefined): readonly Chain[] =>
    plan === undefined ? [] : serviceRules(plan, settings);
  const textsOf = (chains: readonly Chain[]): ReadonlyMap<string, string> =>
    new Map(chains.map((chain) => [chain.name, chainText(chain, family)]));
  const chains = rulesOf(after);
  const [had, wanted] = [textsOf(rulesOf(before)), textsOf(chains)];
  const oldSets = before === undefined ? [] : serviceAffinitySets(before);
  const newSets = after === undefined ? [] : serviceAffinitySets(after);
  // A set gets another timeout by being made anew, and all rules that name it then, too.
  const renewed = before?.affinitySeconds !== after?.affinitySeconds;
  const changed = chains.filter(({ name }) => renewed || had.get(name) !== wanted.get(name));
  const has = (sets: readonly { name: string }[], name: string): boolean => sets.some((set) => set.name === name);
  return {
    emptied: changed.map(({ name }) => name).filter((name) => had.has(name)),
    removed: [...had.keys()].filter((name) => !wanted.has(name)),
    removedSets: oldSets.filter(({ name }) => renewed || !has(newSets, name)).map(({ name }) => name),
    sets: newSets.filter(({ name }) => renewed || !has(oldSets, name)).map((set) => affinitySetText(set, family)),
    chains: changed,
  };
}

/** Until it is that long gone, a kernel before 6.2 may still count a map's element that pointed to a chain. */
const staleMs = 1_000;

/**
 * The transaction that brings a table from what was written to a plan with the same settings. Empty when nothing is to be done.
 *
 * A chain that is not used any more is emptied now and deleted by a later transaction, as kube-proxy does: Linux before 6.2 refuses
 * to delete it together with the map's element that points to it, and would refuse all else with it.
 *
 * @param nowMs milliseconds of any clock that does not go back
 */
export function renderUpdate(before: Written, plan: ProxyPlan, nowMs: number): Script & { readonly after: Written } {
  const { family } = plan.settings;
  const services = servicesByKey(plan);
  const differences = changedServices(before.services, services).map((change) => differenceOf(change, plan.settings));
  const elements = elementsOfPlan(plan);
  const elementChanges = renderElementChanges(before.elements, elements, family);
  const chains = differences.flatMap((difference) => difference.chains);
  const { stale, deleted } = staleAfter(before.stale, differences, nowMs);
  const each = (command: string, names: readonly string[]): readonly string[] =>
    names.map((name) => `${command} ${tableOf(family)} ${name}\n`);
  const blocks = [...differences.flatMap(({ sets }) => sets), ...chains.map((chain) => chainText(chain, family))];
  const lines = [
    ...each('delete chain', deleted),
    ...each(
      'flush chain',
      differences.flatMap(({ emptied, removed }) => [...emptied, ...removed]),
    ),
    elementChanges.deletions,
    ...each(
      'delete set',
      differences.flatMap(({ removedSets }) => removedSets),
    ),
    ...(blocks.length === 0 ? [] : [`table ${tableOf(family)} {\n`, ...blocks, '}\n']),
    elementChanges.additions,
  ];
  return {
    text: lines.join(''),
    written: countRules(chains) + elementChanges.written,
    after: { settings: plan.settings, services, elements, stale },
  };
}

/** Which chains may be deleted now, and which are stale after that. */
function staleAfter(
  before: Written['stale'],
  differences: readonly Difference[],
  nowMs: number,
): { readonly stale: Written['stale']; readonly deleted: readonly string[] } {
  const used = new Set(differences.flatMap(({ chains }) => chains.map(({ name }) => name)));
  const kept = [...before].filter(([name]) => !used.has(name));
  const removed = differences.flatMap((difference) => difference.removed.map((name) => [name, nowMs] as const));
  return {
    stale: new Map([...kept.filter(([, since]) => nowMs - since < staleMs), ...removed]),
    deleted: kept.filter(([, since]) => nowMs - since >= staleMs).map(([name]) => name),
  };
}

import type { Family, ProxyPlan, ServicePortPlan } from '../types.ts';
import { baseChains, baseElements, type BaseInput } from './base.ts';
import { serviceAffinitySets, serviceElements, serviceRules } from './service.ts';
import { type Chain, collectElements, containerNames, type Element, type Elements, type Table } from './table.ts';
import { affinitySetText, chainText, type Client, containerText, elementText, tableOf } from './text.ts';

/** Everything that the table depends on besides its Services' plan. */
export type TableInput = Omit<BaseInput, 'settings'>;

/** What {@link renderTable} writes, as a value. */
export function tableOfPlan(plan: ProxyPlan, input: TableInput): Table {
  const chains = [
    ...baseChains({ ...input, settings: plan.settings }),
    ...plan.services.flatMap((service) => serviceRules(service, plan.settings)),
  ];
  return {
    chains: new Map(chains.map((chain) => [chain.name, chain])),
    affinitySets: plan.services.flatMap(serviceAffinitySets),
    elements: elementsOfPlan(plan),
  };
}

const cachedElements = new WeakMap<ServicePortPlan, readonly Element[]>();

/** A plan that did not change is the same object again. */
function elementsOfService(service: ServicePortPlan): readonly Element[] {
  const known = cachedElements.get(service);
  if (known !== undefined) return known;
  const elements = serviceElements(service);
  cachedElements.set(service, elements);
  return elements;
}

export function elementsOfPlan({ settings, services }: ProxyPlan): Elements {
  return collectElements([...baseElements(settings), ...services.flatMap(elementsOfService)]);
}

/** Clients that stay with an endpoint, by the name of its set. */
export type Affinities = ReadonlyMap<string, readonly Client[]>;

/** A transaction, and how many chains' rules and elements it writes. */
export interface Script {
  readonly text: string;
  readonly written: number;
}

/**
 * One transaction that puts the whole table in place of whatever is there: packets meet the old table or the new one. Connections
 * that are established go on as they are, their addresses are in conntrack.
 *
 * @param affinities clients to go on with: they are in the kernel only, and deleted with the table
 */
export function renderTable(plan: ProxyPlan, input: TableInput, affinities: Affinities = new Map()): Script {
  const { family } = plan.settings;
  const table = tableOf(family);
  const elements = elementsOfPlan(plan);
  const base = baseChains({ ...input, settings: plan.settings });
  const services = plan.services.map((service) => serviceBlocks(service, plan, affinities));
  const text = [
    `add table ${table}\ndelete table ${table}\ntable ${table} {\ncomment "rules for kube-proxy"\n`,
    ...containerNames.map((name) => containerText(name, family, elements[name].values())),
    ...base.map((chain) => chainText(chain, family)),
    ...services.map((service) => service.text),
    '}\n',
  ].join('');
  return { text, written: countOf(elements) + sum([countRules(base), ...services.map(({ written }) => written)]) };
}

function serviceBlocks(service: ServicePortPlan, { settings }: ProxyPlan, affinities: Affinities): Script {
  const { family } = settings;
  const sets = serviceAffinitySets(service).map((set) => affinitySetText(set, family, affinities.get(set.name)));
  const chains = serviceRules(service, settings);
  const text = [...sets, ...chains.map((chain) => chainText(chain, family))].join('');
  return { text, written: countRules(chains) };
}

export const countRules = (chains: readonly Chain[]): number => sum(chains.map(({ rules }) => rules.length));

const countOf = (elements: Elements): number => sum(containerNames.map((name) => elements[name].size));

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** `add element` and `delete element` lines for what differs, one a container. */
export function renderElementChanges(before: Elements, after: Elements, family: Family): ElementChanges {
  const changes = containerNames.map((name) => {
    const removed = [...before[name].values()].filter((element) => !isSame(element, after[name].get(element.key)));
    const added = [...after[name].values()].filter((element) => !isSame(element, before[name].get(element.key)));
    return { name, removed: removed.map(({ key }) => key), added: added.map(elementText) };
  });
  const line = (verb: string, name: string, elements: readonly string[]): string =>
    elements.length === 0 ? '' : `${verb} element ${tableOf(family)} ${name} { ${elements.join(', ')} }\n`;
  return {
    deletions: changes.map(({ name, removed }) => line('delete', name, removed)).join(''),
    additions: changes.map(({ name, added }) => line('add', name, added)).join(''),
    written: sum(changes.map(({ removed, added }) => removed.length + added.length)),
  };
}

interface ElementChanges {
  readonly deletions: string;
  readonly additions: string;
  readonly written: number;
}

const isSame = (a: Element, b: Element | undefined): boolean =>
  a === b || (b !== undefined && a.verdict === b.verdict && a.comment === b.comment);

import { milliValue, parseQuantity, type Quantity, unitValue } from './quantity.ts';

/** Amounts of named resources: `cpu`, `memory`, `ephemeral-storage`, `hugepages-2Mi`, … */
export type ResourceList = ReadonlyMap<string, Quantity>;

type Quantities = Readonly<Record<string, number | string>> | undefined;

/** The list as a manifest has it. What is no quantity is left out: validation has refused it before. */
export function readResourceList(quantities: Quantities): ResourceList {
  const entries = Object.entries(quantities ?? {}).flatMap(([name, text]): [string, Quantity][] => {
    const quantity = parseQuantity(text);
    return quantity === undefined ? [] : [[name, quantity]];
  });
  return new Map(entries);
}

export function addResources(...lists: readonly ResourceList[]): ResourceList {
  return merge(lists, (total, quantity) => total + quantity);
}

/** The greater of both amounts, resource by resource. */
export function maxResources(...lists: readonly ResourceList[]): ResourceList {
  return merge(lists, (largest, quantity) => (quantity > largest ? quantity : largest));
}

/** `over` where it has an amount, `list` elsewhere. */
export function overrideResources(list: ResourceList, over: ResourceList): ResourceList {
  return new Map([...list, ...over]);
}

/** Thousandths of a CPU; 0 when the list has none. */
export function cpuMillis(list: ResourceList): number {
  return milliValue(list.get('cpu') ?? 0n);
}

/** Whole units of a resource, e.g. bytes of memory; 0 when the list has none. */
export function amountOf(list: ResourceList, name: string): number {
  return unitValue(list.get(name) ?? 0n);
}

function merge(lists: readonly ResourceList[], combine: (a: Quantity, b: Quantity) => Quantity): ResourceList {
  const result = new Map<string, Quantity>();
  for (const [name, quantity] of lists.flatMap((list) => [...list])) {
    const known = result.get(name);
    result.set(name, known === undefined ? quantity : combine(known, quantity));
  }
  return result;
}

/** A table as the kernel would hold it. It takes the scripts that the backend writes, and refuses what `nft` would refuse. */
export interface Model {
  /** Rules and base definition of each chain, a line each. */
  readonly chains: Map<string, string[]>;
  /** Definitions of sets and maps. */
  readonly sets: Map<string, string[]>;
  /** Elements by set or map and key. */
  readonly elements: Map<string, Map<string, string>>;
}

export const emptyModel = (): Model => ({ chains: new Map(), sets: new Map(), elements: new Map() });

/** Runs a transaction; throws, and changes nothing, when one of its commands or its outcome is refused. */
export function applyScript(before: Model, script: string): Model {
  const model = copy(before);
  const lines = script.split('\n');
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    if (/^table ip6? kube-proxy \{$/.test(line)) index = readTable(model, lines, index + 1);
    else if (line !== '') runCommand(model, line);
  }
  checkReferences(model);
  return model;
}

function copy({ chains, sets, elements }: Model): Model {
  return {
    chains: new Map(Array.from(chains, ([name, rules]) => [name, [...rules]])),
    sets: new Map(Array.from(sets, ([name, lines]) => [name, [...lines]])),
    elements: new Map(Array.from(elements, ([name, held]) => [name, new Map(held)])),
  };
}

function existing<T>(map: Map<string, T>, name: string): T {
  const found = map.get(name);
  if (found === undefined) throw new Error(`No such file or directory: ${name}`);
  return found;
}

function runCommand(model: Model, line: string): void {
  const [, verb, what, name = '', , keys = ''] =
    /^(add|delete|flush) (table|chain|set|element) ip6? kube-proxy(?: (\S+))?( \{ (.*) \})?$/.exec(line) ?? [];
  switch (`${verb} ${what}`) {
    case 'add table':
      return;
    case 'delete table':
      for (const map of [model.chains, model.sets, model.elements]) map.clear();
      return;
    case 'flush chain':
      existing(model.chains, name).length = 0;
      return;
    case 'delete chain':
      existing(model.chains, name);
      if (allText(model).some((text) => mentions(text, name))) throw new Error(`Device or resource busy: ${name}`);
      model.chains.delete(name);
      return;
    case 'delete set':
      existing(model.sets, name);
      if (allText(model).some((text) => mentions(text, `@${name}`)))
        throw new Error(`Device or resource busy: ${name}`);
      model.sets.delete(name);
      model.elements.delete(name);
      return;
    case 'add element':
      return addElements(model, name, keys);
    case 'delete element': {
      const held = existing(model.elements, name);
      for (const key of keys.split(', ')) {
        existing(held, key);
        held.delete(key);
      }
      return;
    }
    default:
      throw new Error(`syntax error: ${line}`);
  }
}

function addElements(model: Model, name: string, text: string): void {
  const held = existing(model.elements, name);
  for (const element of text.split(', ')) {
    const [, key = '', rest = ''] = /^(.*?)((?: comment "[^"]*")?(?: expires \d+s)?(?: : .*)?)$/.exec(element) ?? [];
    if (held.has(key)) throw new Error(`File exists: ${name} ${key}`);
    held.set(key, rest);
  }
}

/** Reads the block of the table; returns the index of its last line. */
function readTable(model: Model, lines: readonly string[], start: number): number {
  let index = start;
  for (; lines[index] !== '}'; index += 1) {
    const [, kind, name = ''] = /^(chain|set|map) (\S+) \{$/.exec(lines[index] ?? '') ?? [];
    if (kind === undefined) continue;
    const end = lines.indexOf('}', index);
    const body = lines.slice(index + 1, end);
    if (kind === 'chain') model.chains.set(name, [...(model.chains.get(name) ?? []), ...body]);
    else addSet(model, name, body);
    index = end;
  }
  return index;
}

function addSet(model: Model, name: string, body: readonly string[]): void {
  if (model.sets.has(name)) throw new Error(`File exists: ${name}`);
  const isElements = (line: string): boolean => line.startsWith('elements = ');
  model.sets.set(
    name,
    body.filter((line) => !isElements(line)),
  );
  model.elements.set(name, new Map());
  for (const line of body.filter(isElements)) addElements(model, name, line.slice('elements = { '.length, -2));
}

function allText({ chains, elements }: Model): readonly string[] {
  return [...[...chains.values()].flat(), ...[...elements.values()].flatMap((held) => [...held.values()])];
}

const mentions = (text: string, name: string): boolean => text.split(/[ ,]+/).includes(name);

function checkReferences(model: Model): void {
  for (const text of allText(model)) {
    for (const [, chain = ''] of text.matchAll(/(?:goto|jump) ([^ ,]+)/g)) existing(model.chains, chain);
    for (const [, set = ''] of text.matchAll(/@(\S+)/g)) existing(model.sets, set);
  }
}

/** The model without order, and without chains that are empty and not used: equal for equal tables. */
export function contentOf(model: Model): unknown {
  const text = allText(model);
  const isUsed = ([name, rules]: readonly [string, readonly string[]]): boolean =>
    rules.length > 0 || text.some((line) => mentions(line, name));
  const sorted = <T>(entries: Iterable<readonly [string, T]>): readonly (readonly [string, T])[] =>
    [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    chains: sorted([...model.chains].filter(isUsed)),
    sets: sorted(model.sets),
    elements: sorted(Array.from(model.elements, ([name, held]) => [name, sorted(held)] as const)),
  };
}

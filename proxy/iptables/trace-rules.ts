/** One option of a rule, such as `! --dport 80`. */
export interface RuleOption {
  readonly name: string;
  readonly isNegated: boolean;
  readonly values: readonly string[];
}

export interface TracedRule {
  /** As it was written, without `-A`. */
  readonly text: string;
  readonly options: readonly RuleOption[];
}

export interface TracedChain {
  /** What meets the packets that reach the end of a built-in chain; undefined for a chain that somebody made. */
  readonly policy: string | undefined;
  readonly rules: readonly TracedRule[];
}

/** Chains by table and name: `nat KUBE-SERVICES`. */
export type RuleSet = ReadonlyMap<string, TracedChain>;

/** A line that `iptables-save` does not write. */
export class RuleSyntaxError extends Error {
  override readonly name = 'RuleSyntaxError';
}

interface OpenChain extends TracedChain {
  readonly rules: TracedRule[];
}

/**
 * Reads the output of `iptables-save`, with counters or without, or what is fed to `iptables-restore` when it describes
 * everything: `-I` puts a rule first, `-X` has no effect.
 *
 * @throws {RuleSyntaxError}
 */
export function parseRules(text: string): RuleSet {
  const chains = new Map<string, OpenChain>();
  let table = '';
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line.startsWith('*')) table = line.slice(1);
    else if (!isIdle(line) && !addLine(chains, table, line))
      throw new RuleSyntaxError(`line ${index + 1} of the rules is no table, chain or rule: "${line}"`);
  }
  return chains;
}

/** Whether a line says nothing of what is there in the end. */
function isIdle(line: string): boolean {
  return line === '' || line.startsWith('#') || line === 'COMMIT' || line.startsWith('-X ');
}

function addLine(chains: Map<string, OpenChain>, table: string, line: string): boolean {
  const [, name, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
  if (name !== undefined) {
    chains.set(`${table} ${name}`, { policy: policy === '-' ? undefined : policy, rules: [] });
    return true;
  }
  const [, verb, chain, options = ''] = /^(?:\[\d+:\d+\] )?-([AI]) (\S+)(.*)$/.exec(line) ?? [];
  if (verb === undefined || chain === undefined) return false;
  const rule = { text: `${chain}${options}`, options: readOptions(options) };
  const { rules } = openChain(chains, `${table} ${chain}`);
  if (verb === 'A') rules.push(rule);
  else rules.unshift(rule);
  return true;
}

/** Built-in chains need not be named. */
function openChain(chains: Map<string, OpenChain>, key: string): OpenChain {
  const found = chains.get(key) ?? { policy: 'ACCEPT', rules: [] };
  chains.set(key, found);
  return found;
}

/** Words, of which those in quotation marks hold spaces; the marks are taken off. */
function readOptions(text: string): readonly RuleOption[] {
  const options: { name: string; isNegated: boolean; values: string[] }[] = [];
  let isNegated = false;
  for (const [word, quoted] of text.matchAll(/"((?:[^"\\]|\\.)*)"|\S+/g)) {
    if (word === '!') isNegated = true;
    else if (quoted === undefined && /^--?[a-z]/.test(word)) {
      options.push({ name: word, isNegated, values: [] });
      isNegated = false;
    } else options.at(-1)?.values.push(quoted ?? word);
  }
  return options;
}

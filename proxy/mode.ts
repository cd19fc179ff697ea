import type { Family } from './types.ts';

/** A kernel mechanism that carries Services. */
export type ProxyMode = 'iptables' | 'ipvs' | 'nftables';

export const PROXY_MODES: readonly ProxyMode[] = ['iptables', 'ipvs', 'nftables'];

/** What a host can do: for each mode and address family why it cannot work, in words; undefined where it can. */
export type ModeFacts = Readonly<Record<ProxyMode, Readonly<Record<Family, string | undefined>>>>;

export interface ModeChoice {
  readonly mode: ProxyMode;
  /** Families that the mode works for. */
  readonly families: readonly Family[];
  /** Why this mode, and why not a family, for the operator. */
  readonly reason: string;
}

/** No mode can carry Services here, or not the one that was asked for. The message says what is missing. */
export class ProxyModeError extends Error {
  override readonly name = 'ProxyModeError';
}

/**
 * What `auto` prefers. nftables looks up a Service in constant time and writes what changed only; IPVS is not in it: it is for
 * those who ask for it.
 */
const PREFERRED: readonly ProxyMode[] = ['nftables', 'iptables'];

const FAMILIES: readonly Family[] = [4, 6];

/**
 * Chooses the mode.
 *
 * @param primary the family that must work, that of the node's first address; the other one is left out where it cannot
 * @throws ProxyModeError when nothing that may be chosen works
 */
export function chooseMode(asked: ProxyMode | 'auto', facts: ModeFacts, primary: Family): ModeChoice {
  const candidates = asked === 'auto' ? PREFERRED : [asked];
  const mode = candidates.find((candidate) => facts[candidate][primary] === undefined);
  if (mode === undefined) throw new ProxyModeError(refusal(asked, candidates, facts, primary));
  const families = FAMILIES.filter((family) => facts[mode][family] === undefined);
  return { mode, families, reason: [whyMode(asked, mode, facts, primary), ...whyNot(mode, facts)].join('; ') };
}

function whyMode(asked: ProxyMode | 'auto', mode: ProxyMode, facts: ModeFacts, primary: Family): string {
  if (asked !== 'auto') return `${mode} is configured`;
  const better = PREFERRED.slice(0, PREFERRED.indexOf(mode));
  const without = better.map((other) => `${other} does not work here (${facts[other][primary] ?? ''})`);
  return [`${mode} is the best that works here`, ...without].join(': ');
}

/** Families that the mode does not serve. */
function whyNot(mode: ProxyMode, facts: ModeFacts): readonly string[] {
  return FAMILIES.flatMap((family) => {
    const problem = facts[mode][family];
    return problem === undefined ? [] : [`no Services over IPv${family}: ${problem}`];
  });
}

function refusal(
  asked: ProxyMode | 'auto',
  candidates: readonly ProxyMode[],
  facts: ModeFacts,
  primary: Family,
): string {
  const problems = candidates.map((mode) => `${mode}: ${facts[mode][primary] ?? ''}`).join('; ');
  if (asked === 'auto') return `no proxy mode works on this host. ${problems}`;
  const others = PROXY_MODES.filter((mode) => facts[mode][primary] === undefined);
  const advice = others.length === 0 ? '' : `. Modes that work here: ${others.join(', ')}`;
  return `the proxy mode '${asked}' cannot work on this host. ${problems}${advice}`;
}

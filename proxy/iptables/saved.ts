import type { Jump } from './jumps.ts';
import { CANARY_CHAIN, isServiceChain, MARK_CHAIN } from './names.ts';
import { TABLES, type Table } from './restore.ts';

/** Chains that are there once, by table. KUBE-FIREWALL is the kubelet's too, and is left to it as kube-proxy does. */
const fixedChains: Readonly<Record<Table, readonly string[]>> = {
  mangle: [CANARY_CHAIN],
  filter: [
    CANARY_CHAIN,
    'KUBE-SERVICES',
    'KUBE-EXTERNAL-SERVICES',
    'KUBE-FORWARD',
    'KUBE-NODEPORTS',
    'KUBE-PROXY-FIREWALL',
  ],
  nat: [CANARY_CHAIN, 'KUBE-SERVICES', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', MARK_CHAIN],
};

/** Jumps that the output of `iptables-save` does not show. */
export function missingJumps(jumps: readonly Jump[], saved: string): readonly Jump[] {
  const tables = new Map(TABLES.map((table) => [table, sectionOf(table, saved)]));
  return jumps.filter(({ table, rule }) => tables.get(table)?.includes(`\n-A ${rule}\n`) !== true);
}

/** Chains of ports and endpoints that the output of `iptables-save` shows. */
export function savedServiceChains(saved: string): readonly string[] {
  return chainsIn(sectionOf('nat', saved)).filter(isServiceChain);
}

/**
 * Input for `iptables-restore --noflush` that removes the chains of the proxy and what leads to them from built-in chains. A
 * chain that somebody else's rule leads to cannot be deleted: it stays, without rules; only the one that marks keeps its own,
 * which others may count on. Empty when nothing is there.
 *
 * @param isOwn which chains are those of the proxy; default those of the mode iptables
 */
export function renderCleanup(saved: string, isOwn: IsOwnChain = isChainOfMode): string {
  return TABLES.map((table) => cleanTable(table, sectionOf(table, saved), isOwn)).join('');
}

export type IsOwnChain = (table: Table, chain: string) => boolean;

function cleanTable(table: Table, section: string, isOwn: IsOwnChain): string {
  const own = new Set(chainsIn(section).filter((chain) => isOwn(table, chain)));
  const builtIn = builtInChains(section);
  const leading = rulesIn(section).filter(({ chain, target }) => own.has(target) && !own.has(chain));
  // The proxy marks in its own chains only.
  const jumps = leading.filter(({ chain, target }) => builtIn.has(chain) && target !== MARK_CHAIN);
  const kept = new Set(leading.filter((rule) => !jumps.includes(rule)).map(({ target }) => target));
  const emptied = [...own].filter((chain) => !(kept.has(chain) && chain === MARK_CHAIN));
  if (emptied.length === 0) return '';
  return [
    `*${table}\n`,
    ...emptied.map((chain) => `:${chain} - [0:0]\n`),
    ...jumps.map(({ rule }) => `-D ${rule}\n`),
    ...emptied.filter((chain) => !kept.has(chain)).map((chain) => `-X ${chain}\n`),
    'COMMIT\n',
  ].join('');
}

function isChainOfMode(table: Table, chain: string): boolean {
  return fixedChains[table].includes(chain) || (table === 'nat' && isServiceChain(chain));
}

/** The lines of one table, each with a line end before and after it. */
function sectionOf(table: Table, saved: string): string {
  const start = `\n${saved}`.indexOf(`\n*${table}\n`);
  if (start === -1) return '';
  return saved.slice(start + table.length + 1, saved.indexOf('\nCOMMIT', start) + 1);
}

function chainsIn(section: string): string[] {
  return Array.from(section.matchAll(/^:(\S+) /gm), ([, chain = '']) => chain);
}

/** Those that have a policy. */
function builtInChains(section: string): Set<string> {
  return new Set(Array.from(section.matchAll(/^:(\S+) [A-Z]/gm), ([, chain = '']) => chain));
}

interface SavedRule {
  readonly chain: string;
  readonly target: string;
  /** Without `-A`. */
  readonly rule: string;
}

function rulesIn(section: string): SavedRule[] {
  return Array.from(
    section.matchAll(/^-A ((\S+) (?:.* )?-[jg] (\S+).*)$/gm),
    ([, rule = '', chain = '', target = '']) => ({
      rule,
      chain,
      target,
    }),
  );
}

import type { Jump } from './jumps.ts';
import type { Block } from './own-chains.ts';
import type { SharedChain } from './shared-chains.ts';

export type Table = 'mangle' | 'filter' | 'nat';

/** In the order that they are written: what refuses stands before what translates. */
export const TABLES: readonly Table[] = ['mangle', 'filter', 'nat'];

/** What a restore writes. */
export interface Change {
  /** Chains that are emptied and filled. */
  readonly shared: readonly SharedChain[];
  /** The same in the nat table, for ports. */
  readonly own: readonly Block[];
  /** Chains of the nat table that are emptied and deleted; nothing may lead to them any more. */
  readonly gone: readonly string[];
  /** Rules that are put before those that others have in the built-in chains. */
  readonly jumps: readonly Jump[];
}

/**
 * Input for `iptables-restore --noflush --counters`: a line that names a chain makes or empties it. Empty when there is nothing
 * to write. Each table is one transaction.
 */
export function renderRestore(change: Change): string {
  return TABLES.map((table) => renderTable(table, change)).join('');
}

function renderTable(table: Table, { shared, own, gone, jumps }: Change): string {
  const chains = shared.filter((chain) => chain.table === table);
  const blocks = table === 'nat' ? own : [];
  const removed = table === 'nat' ? gone : [];
  const added = jumps.filter((jump) => jump.table === table);
  const names = [...chains.map(({ name }) => name), ...blocks.flatMap((block) => block.chains), ...removed];
  if (names.length + added.length === 0) return '';
  return [
    `*${table}\n`,
    // The nft variant keeps new chains in a list that it sorts by insertion, from its head: in the order of their names, 35,000
    // chains would take it a minute.
    ...names
      .sort()
      .reverse()
      .map((name) => `:${name} - [0:0]\n`),
    ...chains.map(({ rules }) => rules),
    ...blocks.map(({ rules }) => rules),
    ...added.map(({ rule }) => `-I ${rule}\n`),
    ...removed.map((name) => `-X ${name}\n`),
    'COMMIT\n',
  ].join('');
}

/** Rules that a restore writes. */
export function countRules(input: string): number {
  let count = 0;
  for (let at = input.indexOf('\n-'); at !== -1; at = input.indexOf('\n-', at + 2)) {
    if (input[at + 2] !== 'X') count += 1;
  }
  return count;
}

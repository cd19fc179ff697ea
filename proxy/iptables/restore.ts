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

export function isEmpty({ shared, own, gone, jumps }: Change): boolean {
  return shared.length + own.length + gone.length + jumps.length === 0;
}

/** Ports whose rules are rendered at a time: some 200 kB with five endpoints each. */
const BLOCKS_A_PIECE = 100;

/**
 * Input for `iptables-restore --noflush --counters`: a line that names a chain makes or empties it. Empty when there is nothing
 * to write. Each table is one transaction.
 */
export function renderRestore(change: Change): string {
  return [...renderPieces(change)].join('');
}

/** The same in pieces of whole lines. Rules of ports, nearly all of a large text, are rendered when their piece is asked for. */
export function* renderPieces(change: Change): Generator<string, void> {
  for (const table of TABLES) yield* renderTable(table, change);
}

function* renderTable(table: Table, { shared, own, gone, jumps }: Change): Generator<string, void> {
  const chains = shared.filter((chain) => chain.table === table);
  const blocks = table === 'nat' ? own : [];
  const removed = table === 'nat' ? gone : [];
  const added = jumps.filter((jump) => jump.table === table);
  const names = [...chains.map(({ name }) => name), ...blocks.flatMap((block) => block.chains), ...removed];
  if (names.length + added.length === 0) return;
  yield [`*${table}\n`, ...declare(names), ...chains.map(({ rules }) => rules)].join('');
  for (let at = 0; at < blocks.length; at += BLOCKS_A_PIECE) {
    yield blocks
      .slice(at, at + BLOCKS_A_PIECE)
      .map(({ rules }) => rules())
      .join('');
  }
  yield [...added.map(({ rule }) => `-I ${rule}\n`), ...removed.map((name) => `-X ${name}\n`), 'COMMIT\n'].join('');
}

/**
 * The nft variant keeps new chains in a list that it sorts by insertion, from its head: in the order of their names, 35,000 chains
 * would take it a minute.
 */
function declare(names: readonly string[]): readonly string[] {
  return names
    .toSorted()
    .reverse()
    .map((name) => `:${name} - [0:0]\n`);
}

/** Rules that a restore, or a piece of one, writes. */
export function countRules(input: string): number {
  let count = input.startsWith('-') && !input.startsWith('-X') ? 1 : 0;
  for (let at = input.indexOf('\n-'); at !== -1; at = input.indexOf('\n-', at + 2)) {
    if (input[at + 2] !== 'X') count += 1;
  }
  return count;
}

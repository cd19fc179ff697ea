import type { ProxySettings, ServicePortPlan, SyncReport } from '../types.ts';
import { renderOwnChains } from './own-chains.ts';
import { type Change, countRules, TABLES, type Table } from './restore.ts';
import type { SharedChain } from './shared-chains.ts';

/** Rules of each table. */
export type RuleCounts = Readonly<Record<Table, number>>;

/** Passes pieces of a restore on and counts their rules; the first piece of a table names it. */
export function* countPieces(pieces: Iterable<string>, counted: Record<Table, number>): Generator<string, void> {
  let table: Table | undefined;
  for (const piece of pieces) {
    table = TABLES.find((name) => piece.startsWith(`*${name}\n`)) ?? table;
    if (table !== undefined) counted[table] += countRules(piece);
    yield piece;
  }
}

/** Rules in chains of the proxy after a full sync: jumps from the built-in chains do not count, as kube-proxy counts. */
export function totalAfterFull(written: RuleCounts, { jumps }: Change): RuleCounts {
  return mapTables((table) => written[table] - jumps.filter((jump) => jump.table === table).length);
}

/** What chains held that a partial sync writes anew or deletes. */
export interface Replaced {
  readonly shared: readonly SharedChain[];
  readonly services: readonly ServicePortPlan[];
}

export function totalAfterPartial(
  before: RuleCounts,
  written: RuleCounts,
  { shared, services }: Replaced,
  settings: ProxySettings,
): RuleCounts {
  const own = services.map((plan) => countRules(renderOwnChains(plan, { settings, isLarge: true }).rules()));
  return mapTables((table) => {
    const ofShared = shared.filter((chain) => chain.table === table).map(({ rules }) => countRules(rules));
    return before[table] + written[table] - sum(ofShared) - (table === 'nat' ? sum(own) : 0);
  });
}

/** What a sync reports; tables without rules are left out. */
export function reportCounts(total: RuleCounts, written: RuleCounts): NonNullable<SyncReport['iptablesRules']> {
  const tables = TABLES.filter((table) => total[table] + written[table] > 0);
  return Object.fromEntries(tables.map((table) => [table, { total: total[table], written: written[table] }]));
}

export const sumOf = (counts: RuleCounts): number => sum(TABLES.map((table) => counts[table]));

export const noRules = (): Record<Table, number> => ({ mangle: 0, filter: 0, nat: 0 });

function mapTables(count: (table: Table) => number): RuleCounts {
  return { mangle: count('mangle'), filter: count('filter'), nat: count('nat') };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

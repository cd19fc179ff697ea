import { renderTable } from '../status/table.ts';
import type { Level, Verdict } from './facts.ts';

/** A line a check, what to do beneath the ones that are not OK, and a sum. */
export function renderVerdicts(verdicts: readonly Verdict[]): string {
  const rows = renderTable(verdicts.map(({ level, name, message }) => [level, name, message]));
  const lines = verdicts.flatMap(({ fix }, index) => [
    rows[index] ?? '',
    ...(fix === undefined ? [] : [`       fix: ${fix}`]),
  ]);
  return `${[...lines, '', renderSum(verdicts)].join('\n')}\n`;
}

function renderSum(verdicts: readonly Verdict[]): string {
  const count = (wanted: Level): number => verdicts.filter(({ level }) => level === wanted).length;
  const failed = count('FAIL');
  const sum = `${count('OK')} ok, ${count('WARN')} warnings, ${failed} failures`;
  return `${sum}: ${failed === 0 ? 'this host can run pods' : 'pods do not run here until the failures are repaired'}`;
}

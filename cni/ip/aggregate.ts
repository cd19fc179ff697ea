import { type Cidr, formatNetwork, parseCidr } from './cidr.ts';

/**
 * The same addresses in as few networks as can be: one that lies in another goes, two halves become their whole. Texts that
 * are no network are left out.
 */
export function aggregate(texts: readonly string[]): readonly string[] {
  const sorted = texts
    .flatMap((text) => parseCidr(text) ?? [])
    .sort((a, b) => a.family - b.family || compare(a.first, b.first) || a.prefix - b.prefix);
  const kept: Cidr[] = [];
  for (const cidr of sorted) {
    const last = kept.at(-1);
    if (last !== undefined && last.family === cidr.family && cidr.last <= last.last) continue;
    kept.push(cidr);
    joinHalves(kept);
  }
  return kept.map(formatNetwork);
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

/** Joins the end of the list for as long as it is two halves of one network. */
function joinHalves(kept: Cidr[]): void {
  for (;;) {
    const [low, high] = kept.slice(-2);
    if (low === undefined || high === undefined || low.prefix !== high.prefix || low.family !== high.family) return;
    const whole = parseCidr(`${formatNetwork(low).split('/')[0] ?? ''}/${low.prefix - 1}`);
    if (whole?.first !== low.first || whole.last !== high.last) return;
    kept.splice(-2, 2, whole);
  }
}

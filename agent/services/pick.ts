import { createHash } from 'node:crypto';

/** Numbers to choose from, both ends inclusive. The lower part is left for those who choose a number themselves. */
export interface Pool {
  readonly first: bigint;
  readonly last: bigint;
  /** How many of the first numbers are given only when the rest is used up. */
  readonly spared: bigint;
}

/**
 * A free number of a pool. The search begins at a place that follows from `seed`, so that the same Service gets the same number
 * also when nobody remembers what it had; undefined when none is free.
 *
 * @param taken whether a number is in use
 */
export function pickFree(pool: Pool, seed: string, taken: (value: bigint) => boolean): bigint | undefined {
  const middle = pool.first + pool.spared;
  return search(middle, pool.last, seed, taken) ?? search(pool.first, middle - 1n, seed, taken);
}

function search(first: bigint, last: bigint, seed: string, taken: (value: bigint) => boolean): bigint | undefined {
  const size = last - first + 1n;
  if (size <= 0n) return undefined;
  const start = BigInt(`0x${createHash('sha256').update(seed).digest('hex')}`) % size;
  for (let step = 0n; step < size; step += 1n) {
    const value = first + ((start + step) % size);
    if (!taken(value)) return value;
  }
  return undefined;
}

/** Numbers that are spared of so many: a part of them, within bounds (KEP-3070 for addresses, KEP-3668 for ports). */
export function spared(size: bigint, part: bigint, least: bigint, most: bigint): bigint {
  if (size <= least) return 0n;
  const share = size / part;
  return share < least ? least : share > most ? most : share;
}

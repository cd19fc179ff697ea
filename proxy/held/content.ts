/**
 * Rules, map elements or virtual servers, each as a text that says what it does, so that what is wanted and what the kernel shows
 * can be compared. The texts hold what both sides write alike: addresses, ports, verdicts and targets.
 */
export interface HeldContent {
  /** Chains and virtual servers by their names in the kernel. */
  readonly names: readonly string[];
  /** One text may be there several times. */
  readonly entries: readonly string[];
}

/** What of one port, or of what all ports share, is in the kernel. */
export interface HeldComparison {
  /** Names that are there. */
  readonly held: readonly string[];
  /** Names and entries that should be there and are not. */
  readonly missing: readonly string[];
}

/** Answers for one content what of it the kernel has. */
export type HeldIndex = (wanted: HeldContent) => HeldComparison;

/** @param kernel all that the kernel showed */
export function indexHeld(kernel: HeldContent): HeldIndex {
  const names = new Set(kernel.names);
  const counts = countEach(kernel.entries);
  return (wanted) => {
    const missingNames = wanted.names.filter((name) => !names.has(name));
    const short = [...countEach(wanted.entries)].filter(([entry, count]) => (counts.get(entry) ?? 0) < count);
    return {
      held: wanted.names.filter((name) => names.has(name)),
      missing: [...missingNames, ...short.map(([entry]) => entry).filter((entry) => !isWithin(entry, missingNames))],
    };
  };
}

function countEach(texts: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

/** Of a chain that is missing, its rules need not be told. */
function isWithin(entry: string, names: readonly string[]): boolean {
  return names.some((name) => entry.startsWith(`${name}: `));
}

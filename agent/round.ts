/**
 * Does one round of a loop and counts it: how long it took, and whether it failed. What `work` gives or throws is passed on.
 *
 * A loop takes it as an option and wraps what it does between two waits; the names of all loops are in `agent/metrics/loops.ts`.
 */
export type Round = <T>(work: () => Promise<T>) => Promise<T>;

/** For a loop that nobody counts. */
export const uncounted: Round = (work) => work();

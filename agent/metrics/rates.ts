/** CPU time at one moment. */
export interface CpuMark {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly usageNanos: number;
}

/** The use of CPU between the times when somebody asked. Nothing is measured while nobody asks. */
export interface Rates {
  /** Billionths of a core since an earlier mark; undefined for the first one. */
  rate(key: string, mark: CpuMark): number | undefined;
  retain(keys: ReadonlySet<string>): void;
}

interface Known {
  readonly mark: CpuMark;
  readonly nanoCores: number | undefined;
}

/** Two clients that ask one after the other must not see the noise of a moment: what is nearer counts as the same time. */
const minWindowMs = 1_000;

export function createRates(): Rates {
  const known = new Map<string, Known>();
  return {
    rate: (key, mark) => {
      const last = known.get(key);
      const elapsedMs = last === undefined ? Number.POSITIVE_INFINITY : mark.time - last.mark.time;
      const used = mark.usageNanos - (last?.mark.usageNanos ?? 0);
      if (last !== undefined && elapsedMs >= 0 && elapsedMs < minWindowMs && used >= 0) return last.nanoCores;
      // A cgroup of the same name that was made anew begins at zero; a clock that was set back tells nothing.
      const isUsable = last !== undefined && elapsedMs >= minWindowMs && used >= 0;
      const nanoCores = isUsable ? Math.round((used / elapsedMs) * 1_000) : undefined;
      known.set(key, { mark, nanoCores });
      return nanoCores;
    },
    retain: (keys) => {
      for (const key of known.keys()) if (!keys.has(key)) known.delete(key);
    },
  };
}

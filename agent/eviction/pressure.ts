import { type Observations, type PressureType, signals } from './signals.ts';
import type { Threshold, ThresholdValue } from './thresholds.ts';

/** What has to be remembered from one look to the next. */
export interface PressureHistory {
  /** Since when each threshold has been met without a break, milliseconds since the epoch. */
  readonly metSince: ReadonlyMap<Threshold, number>;
  /** When a threshold of each condition was met last. */
  readonly lastSeen: ReadonlyMap<PressureType, number>;
  /** Thresholds that were met for their grace period, and of which not enough has been reclaimed. */
  readonly unresolved: readonly Threshold[];
}

export const noPressure: PressureHistory = { metSince: new Map(), lastSeen: new Map(), unresolved: [] };

export interface Pressure {
  readonly history: PressureHistory;
  /** Conditions of the node, in alphabetical order. */
  readonly conditions: readonly PressureType[];
  /** Thresholds whose grace period is over: memory first. */
  readonly actOn: readonly Threshold[];
}

export interface PressureInput {
  readonly thresholds: readonly Threshold[];
  readonly observations: Observations;
  readonly history: PressureHistory;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly transitionMs: number;
}

/**
 * What the measurements of one look mean (`synchronize`, pkg/kubelet/eviction/eviction_manager.go): a condition shows at
 * once and stays for `transitionMs`, pods are evicted when a threshold has been met for its grace period, and a threshold
 * that was acted on stays met until its minimum has been reclaimed.
 */
export function judgePressure({ thresholds, observations, history, now, transitionMs }: PressureInput): Pressure {
  const unresolved = thresholdsMet(history.unresolved, observations, true);
  const met = [...new Set([...thresholdsMet(thresholds, observations, false), ...unresolved])];
  const metSince = new Map(met.map((threshold) => [threshold, history.metSince.get(threshold) ?? now]));
  const seenNow = met.map(({ signal }): [PressureType, number] => [signals[signal].condition, now]);
  const lastSeen = new Map([...history.lastSeen, ...seenNow]);
  const actOn = met.filter((threshold) => now - (metSince.get(threshold) ?? now) >= threshold.graceMs);
  return {
    history: { metSince, lastSeen, unresolved: actOn },
    conditions: [...lastSeen].flatMap(([type, at]) => (now - at < transitionMs ? [type] : [])).sort(),
    actOn: [...actOn.filter(isOfMemory), ...actOn.filter((threshold) => !isOfMemory(threshold))],
  };
}

const isOfMemory = ({ signal }: Threshold): boolean => signals[signal].resource === 'memory';

/** @param withReclaim whether the minimum that has to be reclaimed counts as a part of the threshold */
export function thresholdsMet(
  thresholds: readonly Threshold[],
  observations: Observations,
  withReclaim: boolean,
): readonly Threshold[] {
  return thresholds.filter(({ signal, value, minReclaim }) => {
    const observed = observations.get(signal);
    if (observed === undefined) return false;
    const extra = withReclaim && minReclaim !== undefined ? amountOf(minReclaim, observed.capacity) : 0;
    return observed.available < amountOf(value, observed.capacity) + extra;
  });
}

/** The amount that a threshold stands for. */
export function amountOf(value: ThresholdValue, capacity: number): number {
  return 'amount' in value ? value.amount : Math.floor(capacity * value.fraction);
}

import { parseDuration } from '../config/duration.ts';
import type { KubeletConfiguration } from '../config/kubelet-schema.ts';
import { parseQuantity, unitValue } from '../objects/quantity.ts';
import { isKnownSignal, isSignal, type Signal } from './signals.ts';

/** An amount, or a part of the capacity between 0 and 1. */
export type ThresholdValue = { readonly amount: number; readonly text: string } | { readonly fraction: number };

/** Something has to be done when less than `value` is left. */
export interface Threshold {
  readonly signal: Signal;
  readonly value: ThresholdValue;
  /** How long the threshold has to be met before pods are evicted, milliseconds; 0 for a hard threshold. */
  readonly graceMs: number;
  /** How much more than `value` must be left before it counts as no longer met. */
  readonly minReclaim: ThresholdValue | undefined;
}

export type EvictionField = 'evictionHard' | 'evictionSoft' | 'evictionSoftGracePeriod' | 'evictionMinimumReclaim';

/** What is wrong with an entry of one of the maps, e.g. `evictionHard`, `memory.available`. */
export interface ThresholdProblem {
  readonly field: EvictionField;
  readonly signal: string;
  readonly message: string;
}

export type ThresholdConfig = Pick<
  Partial<KubeletConfiguration>,
  EvictionField | 'mergeDefaultEvictionSettings' | 'enforceNodeAllocatable'
>;

/** Hard thresholds where the configuration has none (`DefaultEvictionHard`, pkg/kubelet/eviction/defaults_linux.go). */
export const defaultEvictionHard: Readonly<Record<string, string>> = {
  'memory.available': '100Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
  'imagefs.available': '15%',
  'imagefs.inodesFree': '5%',
};

interface Parsed {
  readonly thresholds: readonly Threshold[];
  readonly problems: readonly ThresholdProblem[];
}

/**
 * The thresholds of a configuration (`ParseThresholdConfig`, pkg/kubelet/eviction/helpers.go). `0%` and `100%` switch a
 * threshold off. The hard one of the node's memory holds for the cgroup of all pods too, when that is limited.
 */
export function parseThresholds(config: ThresholdConfig): Parsed {
  const problems: ThresholdProblem[] = [];
  const report = (field: EvictionField, signal: string, message: string): void => {
    problems.push({ field, signal, message });
  };
  const graces = parseGracePeriods(config.evictionSoftGracePeriod ?? {}, report);
  const reclaims = parseReclaims(config.evictionMinimumReclaim ?? {}, report);
  const hard = parseValues('evictionHard', hardSettings(config), report);
  const soft = parseValues('evictionSoft', config.evictionSoft ?? {}, report);
  for (const [signal] of soft) {
    if (graces.has(signal)) continue;
    report('evictionSoft', signal, `a grace period for it must be in evictionSoftGracePeriod`);
  }
  const thresholds = [...hard, ...soft].map(([signal, value, isSoft]): Threshold => {
    return { signal, value, graceMs: isSoft ? (graces.get(signal) ?? 0) : 0, minReclaim: reclaims.get(signal) };
  });
  return { thresholds: [...thresholds, ...ofPodsMemory(config, thresholds)], problems };
}

function hardSettings({
  evictionHard,
  mergeDefaultEvictionSettings,
}: ThresholdConfig): Readonly<Record<string, string>> {
  if (mergeDefaultEvictionSettings === true) return { ...defaultEvictionHard, ...evictionHard };
  return evictionHard ?? defaultEvictionHard;
}

function ofPodsMemory(config: ThresholdConfig, thresholds: readonly Threshold[]): readonly Threshold[] {
  if (!(config.enforceNodeAllocatable ?? ['pods']).includes('pods')) return [];
  return thresholds
    .filter(({ signal, graceMs }) => signal === 'memory.available' && graceMs === 0)
    .map((threshold): Threshold => ({ ...threshold, signal: 'allocatableMemory.available' }));
}

type Report = (field: EvictionField, signal: string, message: string) => void;

function parseValues(
  field: 'evictionHard' | 'evictionSoft',
  settings: Readonly<Record<string, string>>,
  report: Report,
): readonly (readonly [Signal, ThresholdValue, isSoft: boolean])[] {
  return Object.entries(settings).flatMap(([signal, text]) => {
    if (!checkSignal(field, signal, report) || text === '0%' || text === '100%') return [];
    const value = parseValue(text);
    if (value === undefined || isZeroAmount(value)) {
      report(field, signal, `must be a quantity above 0 or a percentage up to 100%, not ${JSON.stringify(text)}`);
      return [];
    }
    return isSignal(signal) ? [[signal, value, field === 'evictionSoft']] : [];
  });
}

function parseGracePeriods(settings: Readonly<Record<string, string>>, report: Report): ReadonlyMap<string, number> {
  const field = 'evictionSoftGracePeriod';
  const periods = new Map<string, number>();
  for (const [signal, text] of Object.entries(settings)) {
    if (!checkSignal(field, signal, report)) continue;
    const ms = parseDuration(text);
    if (ms !== undefined && ms >= 0) periods.set(signal, ms);
    else report(field, signal, `must be a duration such as 1m30s, not ${JSON.stringify(text)}`);
  }
  return periods;
}

function parseReclaims(
  settings: Readonly<Record<string, string>>,
  report: Report,
): ReadonlyMap<string, ThresholdValue> {
  const field = 'evictionMinimumReclaim';
  const reclaims = new Map<string, ThresholdValue>();
  for (const [signal, text] of Object.entries(settings)) {
    if (!checkSignal(field, signal, report)) continue;
    const value = parseValue(text);
    if (value !== undefined && !('fraction' in value && value.fraction === 0)) reclaims.set(signal, value);
    else report(field, signal, `must be a quantity, or a percentage above 0%, not ${JSON.stringify(text)}`);
  }
  return reclaims;
}

function checkSignal(field: EvictionField, signal: string, report: Report): boolean {
  if (isKnownSignal(signal)) return true;
  report(field, signal, `${JSON.stringify(signal)} is no eviction signal such as memory.available`);
  return false;
}

/** Undefined for text that is neither a quantity of 0 or more nor a percentage between 0 and 100. */
function parseValue(text: string): ThresholdValue | undefined {
  const percent = /^(\d+(?:\.\d*)?|\.\d+)%$/.exec(text)?.[1];
  if (percent !== undefined) return Number(percent) <= 100 ? { fraction: Number(percent) / 100 } : undefined;
  const quantity = parseQuantity(text);
  return quantity === undefined || quantity < 0n ? undefined : { amount: unitValue(quantity), text };
}

function isZeroAmount(value: ThresholdValue): boolean {
  return 'amount' in value && value.amount === 0;
}

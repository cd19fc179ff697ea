import type { PlanChanges } from './services/index.ts';
import type { Family } from './types.ts';

/** When the pods changed that a slice was written for, by the controller that wrote it. */
const TRIGGER_ANNOTATION = 'endpoints.kubernetes.io/last-change-trigger-time';

/**
 * When the changes of slices of a family were made, in milliseconds since the epoch. Those from before the proxy began are left
 * out: their time says nothing of the proxy (`trackTriggers`, pkg/proxy/endpointschangetracker.go).
 */
export function triggerTimes({ slices }: PlanChanges, family: Family, startedAt: number): readonly number[] {
  return [...(slices?.values() ?? [])].flatMap((slice) => {
    if (slice?.addressType !== `IPv${family}`) return [];
    const time = Date.parse(slice.metadata.annotations?.[TRIGGER_ANNOTATION] ?? '');
    return time >= startedAt ? [time] : [];
  });
}

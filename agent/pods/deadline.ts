import type { Pod, PodStatus } from '../objects/types.ts';

/** When the pod's `activeDeadlineSeconds` are over, milliseconds since the epoch; undefined without one. */
export function deadlineOf({ spec }: Pod, status: PodStatus | undefined): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || status?.startTime === undefined) return undefined;
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000;
}

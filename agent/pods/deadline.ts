import type { Pod, PodStatus } from '../objects/types.ts';
import { isTerminalPhase } from './status.ts';

/**
 * When the pod's `activeDeadlineSeconds` are over, milliseconds since the epoch; undefined without one, and for a pod that
 * has ended (kubelet: `active_deadline.go`).
 */
export function deadlineOf({ spec }: Pod, status: PodStatus | undefined): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || status?.startTime === undefined) return undefined;
  if (isTerminalPhase(status.phase)) return undefined;
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000;
}

import { isDeleted, type Pod } from '../objects/types.ts';
import type { PodRecord } from './pod-record.ts';

/** What a new desired object means for a pod that is known. */
export interface DesiredStep {
  readonly pod: Pod | undefined;
  readonly terminating: boolean;
  /** What is under way for the pod is not to be finished. */
  readonly interrupt: boolean;
  readonly wake: boolean;
}

/**
 * A pod whose manifest or object goes is ended, and so is one that an API server was asked to delete; a later deletion may give it
 * less time, never more (kubelet: `UpdatePod`, pkg/kubelet/pod_workers.go). A pod that is ending does not come back: what is wanted
 * under its UID again is started when it has ended.
 *
 * @param desired undefined when no source wants the pod any more
 */
export function takeDesired(record: Pick<PodRecord, 'pod' | 'terminating'>, desired: Pod | undefined): DesiredStep {
  const { pod, terminating } = record;
  const goes = desired === undefined || isDeleted(desired);
  if (!terminating) return { pod: desired ?? pod, terminating: goes, interrupt: goes, wake: true };
  if (desired === undefined) return { pod, terminating, interrupt: false, wake: false };
  const isSooner = goes && graceOf(desired) < graceOf(pod);
  return { pod: goes ? desired : pod, terminating, interrupt: isSooner, wake: true };
}

/** Seconds that a pod is given to end. */
function graceOf(pod: Pod | undefined): number {
  return pod?.metadata.deletionGracePeriodSeconds ?? pod?.spec.terminationGracePeriodSeconds ?? Infinity;
}

import type { PodCondition } from './types.ts';

/**
 * Conditions of pods that a node decides (`PodConditionByKubelet`, pkg/kubelet/types/pod_status.go); all others belong to somebody
 * else and are never written here.
 */
const ownTypes: ReadonlySet<string> = new Set([
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
  'PodResizePending',
  'PodResizeInProgress',
]);

/** The pod ends for want of room, not for a fault of its own (KEP-3329). Schedulers and controllers write it too. */
export const DISRUPTION_TARGET = 'DisruptionTarget';
/** Reason of {@link DISRUPTION_TARGET} on pods that the node has ended. */
export const TERMINATION_BY_KUBELET = 'TerminationByKubelet';

export function isOwnCondition({ type, reason }: Pick<PodCondition, 'type' | 'reason'>): boolean {
  return ownTypes.has(type) || (type === DISRUPTION_TARGET && reason === TERMINATION_BY_KUBELET);
}

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

export const isOwnCondition = ({ type }: { readonly type: string }): boolean => ownTypes.has(type);

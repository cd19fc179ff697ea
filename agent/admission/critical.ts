import type { Pod } from '../objects/types.ts';

/* Which pods others give way to (`pkg/kubelet/types/pod_update.go`). */

const systemCriticalPriority = 2_000_000_000;

/** A pod of a manifest, not of an API server. */
export function isStaticPod({ metadata }: Pod): boolean {
  const source = metadata.annotations['kubernetes.io/config.source'];
  return source !== undefined && source !== 'api';
}

/** A pod that is not refused for want of resources and not evicted (`IsCriticalPod`). */
export function isCriticalPod(pod: Pod): boolean {
  const isMirror = pod.metadata.annotations['kubernetes.io/config.mirror'] !== undefined;
  return isStaticPod(pod) || isMirror || (pod.spec.priority ?? 0) >= systemCriticalPriority;
}

/** Whether `preemptor` may take the place of `pod` (`Preemptable`): critical before others, then by priority. */
export function mayPreempt(preemptor: Pod, pod: Pod): boolean {
  if (isCriticalPod(preemptor) && !isCriticalPod(pod)) return true;
  const [mine, theirs] = [preemptor.spec.priority, pod.spec.priority];
  return mine !== undefined && theirs !== undefined && mine > theirs;
}

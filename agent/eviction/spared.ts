import { isCriticalPod } from '../admission/critical.ts';
import type { Pod } from '../objects/types.ts';

/** On a static pod: `"true"` says that it may be refused and evicted like a pod of an API server. */
export const evictableAnnotation = 'podwright.dev/evictable';

const staticMarks: ReadonlySet<string> = new Set(['kubernetes.io/config.source', 'kubernetes.io/config.mirror']);

/**
 * Whether eviction leaves a pod alone. As in the kubelet (`evictPod`, pkg/kubelet/eviction/eviction_manager.go) critical pods
 * are, and to it every static pod is critical: standing alone, none would ever be evicted, nor its limits of local storage
 * be enforced. With the annotation `podwright.dev/evictable: "true"` a static pod opts out of that; its priority still
 * decides.
 */
export function isSpared(pod: Pod): boolean {
  if (pod.metadata.annotations[evictableAnnotation] !== 'true') return isCriticalPod(pod);
  const annotations = Object.entries(pod.metadata.annotations).filter(([key]) => !staticMarks.has(key));
  return isCriticalPod({ ...pod, metadata: { ...pod.metadata, annotations: Object.fromEntries(annotations) } });
}

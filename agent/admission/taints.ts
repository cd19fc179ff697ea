import type { Pod, PodSpec } from '../objects/types.ts';
import type { Taint } from './types.ts';

type Toleration = NonNullable<PodSpec['tolerations']>[number];

/**
 * Whether a pod tolerates the taints that the kubelet looks at: those that also end pods that run (`generalFilter`,
 * pkg/kubelet/lifecycle/predicate.go). `NoSchedule` is for the scheduler alone: a pod that is bound to the node passed it.
 */
export function toleratesTaints({ spec }: Pod, taints: readonly Taint[]): boolean {
  const tolerations = spec.tolerations ?? [];
  return taints
    .filter(({ effect }) => effect === 'NoExecute')
    .every((taint) => tolerations.some((toleration) => tolerates(toleration, taint)));
}

/** `ToleratesTaint`, staging/src/k8s.io/api/core/v1/toleration.go: an empty field of the toleration matches all. */
function tolerates({ key, operator, value, effect }: Toleration, taint: Taint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  if (operator === 'Exists') return true;
  return (!operator || operator === 'Equal') && (value ?? '') === (taint.value ?? '');
}

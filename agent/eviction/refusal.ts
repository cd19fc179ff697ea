import { qosClass } from '../objects/qos.ts';
import type { Pod } from '../objects/types.ts';
import type { PodFailure } from '../pods/status.ts';
import { isSpared } from './spared.ts';
import type { PressureType } from './signals.ts';

const memoryTaint = 'node.kubernetes.io/memory-pressure';

/**
 * Why a node under pressure does not take a pod; undefined when it does (`Admit`,
 * pkg/kubelet/eviction/eviction_manager.go): a shortage of memory alone keeps out only pods that ask for no resources and
 * do not tolerate it.
 */
export function pressureRefusal(pod: Pod, conditions: readonly PressureType[]): PodFailure | undefined {
  if (conditions.length === 0 || isSpared(pod)) return undefined;
  const isMemoryOnly = conditions.every((condition) => condition === 'MemoryPressure');
  if (isMemoryOnly && (qosClass(pod) !== 'BestEffort' || toleratesMemoryPressure(pod))) return undefined;
  return { reason: 'Evicted', message: `The node had condition: [${conditions.join(' ')}]. ` };
}

function toleratesMemoryPressure({ spec }: Pod): boolean {
  return (spec.tolerations ?? []).some(({ key, operator, value, effect }) => {
    const matches = (!key || key === memoryTaint) && (!effect || effect === 'NoSchedule');
    return matches && (operator === 'Exists' || ((!operator || operator === 'Equal') && !value));
  });
}

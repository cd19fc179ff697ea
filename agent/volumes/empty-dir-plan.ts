import { isSidecar } from '../objects/pod-resources.ts';
import { parseQuantity, unitValue } from '../objects/quantity.ts';
import type { Pod, Volume } from '../objects/types.ts';

type EmptyDirSource = NonNullable<Volume['emptyDir']>;

/**
 * Size in bytes of an emptyDir in memory: the smallest of the node's memory, the pod's memory limit and the volume's
 * `sizeLimit` (`pkg/volume/emptydir/empty_dir.go`, calculateEmptyDirMemorySize).
 */
export function memorySize(source: EmptyDirSource, pod: Pod, nodeMemoryBytes: number): number {
  const limits = [bytes(source.sizeLimit), podMemoryLimit(pod)].filter((limit) => limit !== undefined && limit > 0);
  return Math.min(nodeMemoryBytes, ...limits.map(Number));
}

/**
 * Most memory that the pod's containers can use together; undefined when one of them has no limit. Init containers run
 * alone before the others, except those that restart always: they keep running.
 */
function podMemoryLimit({ spec }: Pod): number | undefined {
  const limitOf = (container: Pod['spec']['containers'][number]): number =>
    bytes(container.resources.limits?.memory) ?? Number.POSITIVE_INFINITY;
  let running = 0;
  let peak = 0;
  for (const init of spec.initContainers ?? []) {
    const limit = limitOf(init);
    peak = Math.max(peak, running + limit);
    if (isSidecar(init)) running += limit;
  }
  const total = Math.max(
    peak,
    spec.containers.reduce((sum, container) => sum + limitOf(container), running),
  );
  return Number.isFinite(total) ? total : undefined;
}

function bytes(value: string | number | undefined): number | undefined {
  const quantity = value === undefined ? undefined : parseQuantity(value);
  return quantity === undefined ? undefined : unitValue(quantity);
}

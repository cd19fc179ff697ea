import type { Container } from '../objects/types.ts';
import type { LinuxResources, RuntimeContainerStatus } from '../runtime/types.ts';

export interface Resize {
  readonly action: 'update' | 'restart';
  readonly resources: LinuxResources;
}

/**
 * How a running container comes to the resources that its spec asks for (KEP-1287); undefined when it has them. Its
 * `resizePolicy` tells whether CPU or memory may change without a restart.
 *
 * @param resources what the spec asks for
 */
export function desiredResize(
  container: Container,
  resources: LinuxResources,
  running: RuntimeContainerStatus,
): Resize | undefined {
  const current = running.resources;
  if (current === undefined) return undefined;
  const cpu = cpuFields.some((field) => current[field] !== resources[field]);
  const memory = current.memoryLimit !== resources.memoryLimit;
  if (!cpu && !memory) return undefined;
  const restarts = (container.resizePolicy ?? []).some(
    ({ resourceName, restartPolicy }) =>
      restartPolicy === 'RestartContainer' &&
      ((resourceName === 'cpu' && cpu) || (resourceName === 'memory' && memory)),
  );
  return { action: restarts ? 'restart' : 'update', resources };
}

const cpuFields = ['cpuShares', 'cpuQuota', 'cpuPeriod'] as const;

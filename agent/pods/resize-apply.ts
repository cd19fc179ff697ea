import type { Pod } from '../objects/types.ts';
import type { LinuxResources, RuntimePod } from '../runtime/types.ts';
import type { PodDeps } from './deps.ts';
import type { ResizeContainer } from './plan-types.ts';
import { containerReference } from './references.ts';
import { messageOf } from './start-failure.ts';

/**
 * Gives running containers other limits. The pod's cgroup grows before its containers do and shrinks after them: the
 * kernel refuses a CPU quota beyond the parent's.
 */
export async function applyResizes(
  deps: PodDeps,
  pod: Pod,
  observed: RuntimePod,
  resizes: readonly ResizeContainer[],
  signal: AbortSignal,
): Promise<void> {
  if (resizes.length === 0) return;
  const grows = resizes.some(({ id, resources }) => {
    const current = observed.containers.find((container) => container.id === id)?.resources;
    return current !== undefined && quota(resources) > quota(current);
  });
  if (grows) await deps.podCgroups.ensurePod(pod, signal);
  for (const resize of resizes) await applyOne(deps, pod, resize, signal);
  if (!grows) await deps.podCgroups.ensurePod(pod, signal);
}

const quota = ({ cpuQuota }: LinuxResources): number => (cpuQuota === 0 ? Number.POSITIVE_INFINITY : cpuQuota);

async function applyOne(
  deps: PodDeps,
  pod: Pod,
  { id, container, resources }: ResizeContainer,
  signal: AbortSignal,
): Promise<void> {
  const reference = containerReference(pod, container);
  try {
    await deps.runtime.updateContainerResources(id, resources, signal);
  } catch (error) {
    signal.throwIfAborted();
    const message = `Container ${container.name} could not be resized: ${messageOf(error)}`;
    deps.events.event(reference, 'Warning', 'ResizeError', message);
    throw new Error(message, { cause: error });
  }
  deps.events.event(
    reference,
    'Normal',
    'ResizeCompleted',
    `Container ${container.name} was resized without a restart`,
  );
}

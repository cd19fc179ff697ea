import type { Container, Pod } from '../objects/types.ts';
import type { RuntimeContainerStatus, RuntimePod, SandboxStatus } from '../runtime/types.ts';

/** The newest instance of a container, whichever sandbox it was in. */
export function newestContainer(observed: RuntimePod, name: string): RuntimeContainerStatus | undefined {
  return observed.containers.find((container) => container.name === name);
}

/** The newest instance of a container in one sandbox: what an earlier sandbox had says nothing about this one's start. */
export function newestIn(
  observed: RuntimePod,
  sandbox: Pick<SandboxStatus, 'id'> | undefined,
  name: string,
): RuntimeContainerStatus | undefined {
  return observed.containers.find((container) => container.name === name && container.sandboxId === sandbox?.id);
}

/** The newest instance that has ended, apart from `except`: what `lastState` and `logs --previous` speak of. */
export function newestExited(
  observed: RuntimePod,
  name: string,
  except?: RuntimeContainerStatus,
): RuntimeContainerStatus | undefined {
  return observed.containers.find(
    (container) => container.name === name && container.state === 'exited' && container !== except,
  );
}

/** It ran, or at least was told to: a container that was only created counts as never having been. */
export const wasStarted = (container: RuntimeContainerStatus): boolean => container.state !== 'created';

/** It runs, or may run. */
export const mayRun = ({ state }: RuntimeContainerStatus): boolean => state === 'running' || state === 'unknown';

/** Every container that the pod's spec names, in the order in which they start. */
export function allContainers({ spec }: Pod): readonly Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
}

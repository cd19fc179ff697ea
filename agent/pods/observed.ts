import type { RuntimeContainerStatus, RuntimePod } from '../runtime/types.ts';

/** The newest instance of a container, whichever sandbox it was in. */
export function newestContainer(observed: RuntimePod, name: string): RuntimeContainerStatus | undefined {
  return observed.containers.find((container) => container.name === name);
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

import { messageOf } from '../../cni/index.ts';
import type { Pod } from '../objects/types.ts';
import type { PreparedVolumes } from '../volumes/pod-volumes.ts';
import type { PodDeps } from './deps.ts';
import { podReference } from './references.ts';

/** Sets up the volumes of a pod that starts. @throws VolumeSetupError, told as the event `FailedMount` too */
export async function prepareVolumes(deps: PodDeps, pod: Pod, signal: AbortSignal): Promise<PreparedVolumes> {
  try {
    return await deps.volumes.prepare(pod, signal);
  } catch (error) {
    if (!signal.aborted) deps.events.event(podReference(pod), 'Warning', 'FailedMount', messageOf(error));
    throw error;
  }
}

/**
 * Brings volumes that are made from objects up to date in a pod that runs. A failure leaves the pod with what it has.
 *
 * @returns what went wrong
 */
export async function refreshVolumes(
  deps: PodDeps,
  pod: Pod,
  signal: AbortSignal,
): Promise<{ readonly time: number; readonly message: string } | undefined> {
  if (!pod.spec.volumes.some(isMadeFromObjects)) return undefined;
  try {
    await prepareVolumes(deps, pod, signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return { time: deps.clock.now(), message: messageOf(error) };
  }
}

const isMadeFromObjects = ({ configMap, secret, projected, downwardAPI }: Pod['spec']['volumes'][number]): boolean =>
  (configMap ?? secret ?? projected ?? downwardAPI) !== undefined;

import type { Container, Pod } from '../objects/types.ts';
import type { Mount } from '../runtime/types.ts';
import { mountsFor } from './mounts-plan.ts';
import { podDir } from './paths.ts';
import { ensurePodDir, prepareVolumes, type VolumeDeps } from './prepare.ts';
import { teardownVolumes } from './teardown.ts';

/** The volumes of all pods under one root directory, as pod workers use them. */
export interface PodVolumes {
  /**
   * Sets a pod's volumes up, and its directory; repeating it changes nothing. Resolves to the mounts of a container.
   *
   * @throws VolumeSetupError for the event `FailedMount`
   */
  prepare(pod: Pod, signal: AbortSignal): Promise<(container: Container) => readonly Mount[]>;
  /**
   * Unmounts and removes all that a pod had on disk.
   *
   * @throws MountBusyError when something is mounted there; to be tried again later
   */
  teardown(uid: string, signal: AbortSignal): Promise<void>;
}

/** @param deps.rootDir the kubelet's root directory, e.g. `/var/lib/kubelet` */
export function createPodVolumes(deps: VolumeDeps & { readonly rootDir: string }): PodVolumes {
  return {
    prepare: async (pod, signal) => {
      const directory = podDir(deps.rootDir, pod.metadata.uid);
      await ensurePodDir(pod, directory);
      const volumes = await prepareVolumes(pod, directory, deps, signal);
      return (container) => mountsFor(container, volumes);
    },
    teardown: async (uid, signal) => await teardownVolumes(podDir(deps.rootDir, uid), deps.exec, signal),
  };
}

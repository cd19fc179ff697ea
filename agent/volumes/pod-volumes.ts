import type { Container, Pod } from '../objects/types.ts';
import type { Mount } from '../runtime/types.ts';
import { createClaimBinder } from './claims.ts';
import type { HiddenDirectory } from './hidden-plan.ts';
import { hiddenMounts } from './hidden.ts';
import { ensureMounts } from './mounts.ts';
import { planMounts } from './mounts-plan.ts';
import { claimsFile, podDir } from './paths.ts';
import { ensurePodDir, prepareVolumes, type VolumeDeps } from './prepare.ts';
import { readVolumeFile, type VolumeFile } from './read-file.ts';
import { teardownVolumes } from './teardown.ts';

/** A pod's volumes, ready to be mounted. */
export interface PreparedVolumes {
  /**
   * The mounts of a container, in the order of its `volumeMounts`, and those that hide what it must not see.
   *
   * @param env the container's resolved environment, for `subPathExpr`
   */
  mounts(container: Container, env: ReadonlyMap<string, string>, signal: AbortSignal): Promise<readonly Mount[]>;
  /**
   * Reads a file that a container wrote into a volume, without ever leaving it.
   *
   * @param volume name in the pod
   * @param path relative to the volume
   */
  readFile(volume: string, path: string): Promise<VolumeFile>;
}

/** The volumes of all pods under one root directory, as pod workers use them. One call a pod at a time. */
export interface PodVolumes {
  /**
   * Sets a pod's volumes up, and its directory. To be repeated at each sync of the pod and when an object that it refers to
   * has changed: volumes that are made from objects are brought up to date then, and the others are kept as they are.
   *
   * @throws VolumeSetupError for the event `FailedMount`
   */
  prepare(pod: Pod, signal: AbortSignal): Promise<PreparedVolumes>;
  /**
   * Unmounts and removes all that a pod had on disk.
   *
   * @throws MountBusyError when something is mounted there; to be tried again later
   */
  teardown(uid: string, signal: AbortSignal): Promise<void>;
}

export interface PodVolumesOptions extends Omit<VolumeDeps, 'claims'> {
  /** The kubelet's root directory, e.g. `/var/lib/kubelet`. */
  readonly rootDir: string;
  /** What no container may see through a volume. */
  readonly hidden?: HiddenDirectory;
}

export function createPodVolumes(options: PodVolumesOptions): PodVolumes {
  const claims = createClaimBinder(options.objects, claimsFile(options.rootDir));
  const deps = { ...options, claims };
  return {
    prepare: async (pod, signal) => {
      const directory = podDir(deps.rootDir, pod.metadata.uid);
      await ensurePodDir(pod, directory);
      const volumes = await prepareVolumes(pod, directory, deps, signal);
      const recursiveReadOnly = deps.recursiveReadOnly?.() ?? false;
      return {
        mounts: async (container, env, mountSignal) => {
          const planned = planMounts(container, volumes, { env, recursiveReadOnly });
          const hidden = deps.hidden === undefined ? [] : await hiddenMounts(planned, directory, deps.hidden);
          return [...(await ensureMounts(planned, container.name, directory, deps.exec, mountSignal)), ...hidden];
        },
        readFile: async (name, path) => {
          const volume = volumes.get(name);
          if (volume === undefined) throw new Error('the pod has no such volume');
          return await readVolumeFile(volume.hostPath, path);
        },
      };
    },
    teardown: async (uid, signal) => await teardownVolumes(podDir(deps.rootDir, uid), deps.exec, signal),
  };
}

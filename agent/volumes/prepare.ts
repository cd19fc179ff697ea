import type { Exec } from '../../cni/index.ts';
import type { Pod, Volume } from '../objects/types.ts';
import { ensureEmptyDir, ensureMemoryEmptyDir } from './empty-dir.ts';
import { memorySize } from './empty-dir-plan.ts';
import { VolumeSetupError } from './errors.ts';
import { prepareHostPath } from './host-path.ts';
import { makeDirectory } from './make-directory.ts';
import { containerDir, emptyDirPath, pluginsDir, volumesDir } from './paths.ts';

/** A volume that is ready to be mounted into containers. */
export interface PreparedVolume {
  readonly hostPath: string;
}

export interface VolumeDeps {
  readonly exec: Exec;
  /** Memory that pods may use: the largest size of a volume in memory. */
  readonly nodeMemoryBytes: number;
}

/** Makes the directories of a pod that is about to run, for root only: volumes are seen through mounts. */
export async function ensurePodDir(pod: Pod, podDir: string): Promise<void> {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const directories = [
    volumesDir(podDir),
    pluginsDir(podDir),
    ...containers.map(({ name }) => containerDir(podDir, name)),
  ];
  for (const directory of directories) await makeDirectory(directory, 0o750);
}

/**
 * Sets all volumes of a pod up. Repeating it changes nothing and keeps what the volumes hold.
 *
 * @param podDir `<rootDir>/pods/<uid>`
 * @throws {@link VolumeSetupError} of the first volume that cannot be set up
 */
export async function prepareVolumes(
  pod: Pod,
  podDir: string,
  deps: VolumeDeps,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, PreparedVolume>> {
  const prepared = new Map<string, PreparedVolume>();
  for (const volume of pod.spec.volumes) {
    signal.throwIfAborted();
    try {
      prepared.set(volume.name, { hostPath: await prepareVolume(volume, pod, podDir, deps, signal) });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new VolumeSetupError(volume.name, error);
    }
  }
  return prepared;
}

/** @returns the path to mount */
async function prepareVolume(
  volume: Volume,
  pod: Pod,
  podDir: string,
  deps: VolumeDeps,
  signal: AbortSignal,
): Promise<string> {
  if (volume.hostPath !== undefined) return await prepareHostPath(volume.hostPath);
  if (volume.emptyDir === undefined) throw new Error(`volumes of type ${typeOf(volume)} are not supported`);
  const path = emptyDirPath(podDir, volume.name);
  const { medium = '' } = volume.emptyDir;
  if (medium === '') await ensureEmptyDir(path);
  else if (medium === 'Memory') {
    await ensureMemoryEmptyDir(path, memorySize(volume.emptyDir, pod, deps.nodeMemoryBytes), deps.exec, signal);
  } else throw new Error(`storage medium ${JSON.stringify(medium)} is not supported`);
  return path;
}

function typeOf(volume: Volume): string {
  return Object.keys(volume).find((key) => key !== 'name') ?? '(none)';
}

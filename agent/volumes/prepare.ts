import type { Exec } from '../../cni/index.ts';
import type { ObjectReader, Pod, Volume } from '../objects/types.ts';
import { claimNameOf, ownerProblem } from '../objects/volume-claim.ts';
import { RuntimeUnavailableError } from '../runtime/types.ts';
import type { ClaimBinder } from './claims.ts';
import { type ContentDeps, ensureContent } from './content.ts';
import { prepareEmptyDir } from './empty-dir.ts';
import { VolumeSetupError } from './errors.ts';
import { prepareHostPath } from './host-path.ts';
import { prepareImage, type VolumeImages } from './image.ts';
import { makeDirectory } from './make-directory.ts';
import { prepareNfs, preparePersistent } from './persistent.ts';
import { containerDir, pluginsDir, volumesDir } from './paths.ts';

/** A volume that is ready to be mounted into containers. */
export interface PreparedVolume {
  readonly hostPath: string;
  /** No container may write to it, whatever its mount says. */
  readonly readOnly: boolean;
  /** Why no container that mounts it can start; the volume does not stop the others. */
  readonly problem?: Error;
}

export interface VolumeDeps extends ContentDeps {
  readonly exec: Exec;
  /** Memory that pods may use: the largest size of a volume in memory. */
  readonly nodeMemoryBytes: number;
  /** The runtime can mount read-only what is mounted below a volume. Absent: it cannot. */
  readonly recursiveReadOnly?: () => boolean;
  readonly claims: ClaimBinder;
  /** Absent: image volumes cannot be had. */
  readonly images?: VolumeImages;
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
 * Sets all volumes of a pod up. Repeating it keeps what the volumes hold, and brings those that are made from objects up to
 * date. One that cannot be set up does not stop the others.
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
  const failed: VolumeSetupError[] = [];
  for (const volume of pod.spec.volumes) {
    signal.throwIfAborted();
    try {
      prepared.set(volume.name, await prepareVolume(volume, pod, podDir, deps, signal));
    } catch (error) {
      if (signal.aborted || error instanceof RuntimeUnavailableError) throw error;
      failed.push(new VolumeSetupError(volume.name, error));
    }
  }
  if (failed[0] !== undefined) throw failed[0];
  return prepared;
}

async function prepareVolume(
  volume: Volume,
  pod: Pod,
  podDir: string,
  deps: VolumeDeps,
  signal: AbortSignal,
): Promise<PreparedVolume> {
  const { hostPath, emptyDir, nfs, image } = volume;
  if (hostPath !== undefined) return { hostPath: await prepareHostPath(hostPath), readOnly: false };
  if (emptyDir !== undefined) {
    return { hostPath: await prepareEmptyDir(volume.name, emptyDir, pod, podDir, deps, signal), readOnly: false };
  }
  const claim = claimOf(volume, pod, deps.objects);
  if (claim !== undefined) return await preparePersistent(claim, pod, podDir, deps, signal);
  if (nfs !== undefined) return await prepareNfs(volume.name, nfs, [], podDir, deps, signal);
  if (image !== undefined) return await prepareImage(volume.name, image, pod, podDir, deps, signal);
  const content = await ensureContent(volume, pod, podDir, deps, signal);
  if (content !== undefined) return { hostPath: content, readOnly: true };
  throw new Error(`volumes of type ${typeOf(volume)} are not supported`);
}

/**
 * The claim behind a volume (kubelet: createVolumeSpec of `pkg/kubelet/volumemanager/populator`).
 *
 * @throws Error when the claim of a generic ephemeral volume was not made for this pod
 */
function claimOf(volume: Volume, pod: Pod, objects: ObjectReader): Volume['persistentVolumeClaim'] {
  const claimName = claimNameOf(pod, volume);
  if (volume.ephemeral === undefined || claimName === undefined) return volume.persistentVolumeClaim;
  const claim = objects.object('PersistentVolumeClaim', pod.metadata.namespace, claimName);
  const problem = claim === undefined ? undefined : ownerProblem(pod, claim);
  if (problem !== undefined) throw new Error(problem);
  return { claimName };
}

function typeOf(volume: Volume): string {
  return Object.keys(volume).find((key) => key !== 'name') ?? '(none)';
}

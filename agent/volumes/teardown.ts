import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Exec } from '../../cni/index.ts';
import { errorCode, MountBusyError } from './errors.ts';
import { type MountInfo, mountsWithin, readMounts } from './mountinfo.ts';
import { memoryVolumeDirs } from './paths.ts';
import { removeTree } from './remove-tree.ts';

/**
 * Removes all that a pod had on disk: unmounts its volumes in memory, then removes its directory. Success when there is
 * none. To be called when the pod's containers are gone.
 *
 * @throws {@link MountBusyError} when something else is mounted below the directory, or a volume is still in use; then
 *   nothing is removed, and the caller tries again later
 */
export async function teardownVolumes(podDir: string, exec: Exec, signal: AbortSignal): Promise<void> {
  const directory = await realPathIfThere(podDir);
  if (directory === undefined) return;
  const mounts = mountsWithin(await readMounts(), directory);
  const foreign = mounts.filter((mount) => !isOurs(mount, directory));
  if (foreign.length > 0) throw busy(podDir, foreign);
  // Where one lies over another, the last one made comes off first.
  for (const { mountPoint } of mounts.toReversed()) await unmount(podDir, mountPoint, exec, signal);
  await removeTree(directory, signal);
}

/** Only volumes in memory are mounted by us: a tmpfs on the directory of a volume. */
function isOurs({ fsType, mountPoint }: MountInfo, podDir: string): boolean {
  return fsType === 'tmpfs' && memoryVolumeDirs(podDir).includes(dirname(mountPoint));
}

async function unmount(podDir: string, mountPoint: string, exec: Exec, signal: AbortSignal): Promise<void> {
  try {
    await exec({ file: 'umount', args: [mountPoint] }, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    throw new MountBusyError(podDir, [mountPoint], error);
  }
}

function busy(podDir: string, mounts: readonly MountInfo[]): MountBusyError {
  return new MountBusyError(
    podDir,
    mounts.map(({ mountPoint }) => mountPoint),
  );
}

/**
 * Mount points are listed without symbolic links, and the root directory may be reached through one. The directory itself
 * may not be one.
 */
async function realPathIfThere(path: string): Promise<string | undefined> {
  try {
    await lstat(path);
    return join(await realpath(dirname(path)), basename(path));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

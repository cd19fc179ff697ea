import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import type { Exec } from '../../cni/index.ts';
import { MountBusyError } from './errors.ts';
import { readMounts } from './mountinfo.ts';
import { removeTree } from './remove-tree.ts';
import { planTeardown, type TeardownPlan } from './teardown-plan.ts';

/**
 * Removes all that a pod had on disk: unmounts what was mounted for it, then removes its directory. Success when there is
 * none. To be called when the pod's containers are gone.
 *
 * @throws {@link MountBusyError} when something else is mounted below the directory, or a volume is still in use; then
 *   nothing is removed, and the caller tries again later
 */
export async function teardownVolumes(podDir: string, exec: Exec, signal: AbortSignal): Promise<void> {
  const directory = await realPathIfThere(podDir);
  if (directory === undefined) return;
  const plan = planTeardown(await readMounts(), directory);
  if (plan.foreign.length > 0) throw busy(podDir, plan.foreign);
  for (const mountPoint of plan.detach) await exec({ file: 'mount', args: ['--make-rprivate', mountPoint] }, signal);
  for (const mountPoint of plan.unmount) await unmount(podDir, mountPoint, exec, signal);
  await removeTree(directory, signal);
}

async function unmount(podDir: string, mountPoint: string, exec: Exec, signal: AbortSignal): Promise<void> {
  try {
    await exec({ file: 'umount', args: [mountPoint] }, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    throw new MountBusyError(podDir, [mountPoint], error);
  }
}

function busy(podDir: string, mounts: TeardownPlan['foreign']): MountBusyError {
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

import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

const mountPoint = '/sys/fs/cgroup';

/**
 * Removes a pod's cgroup, which the runtime leaves behind empty, from the unified hierarchy or from every v1 controller.
 * A cgroup that still has processes or children stays and is reported by the rejection.
 *
 * @param path below a controller's mount point, see `podCgroupPath`
 */
export async function removeCgroup(path: string): Promise<void> {
  const unified = await removeDirectory(join(mountPoint, path));
  if (unified) return;
  const controllers = await readdir(mountPoint, { withFileTypes: true });
  const directories = controllers.filter((entry) => entry.isDirectory());
  await Promise.all(directories.map((controller) => removeDirectory(join(mountPoint, controller.name, path))));
}

/** @returns true when the directory was there and is gone now */
async function removeDirectory(directory: string): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw new Error(`cannot remove cgroup ${directory}`, { cause: error });
  }
}

import { chmod, lstat, realpath } from 'node:fs/promises';
import type { Exec } from '../../cni/index.ts';
import { makeDirectory } from './make-directory.ts';
import { type MountInfo, readMounts } from './mountinfo.ts';

/** Any user in any container may write (`pkg/volume/emptydir/empty_dir.go`, defaultPerm). */
const MODE = 0o777;

/** Makes the directory of an emptyDir on disk, with mode 0777 under any umask. What it holds already is kept. */
export async function ensureEmptyDir(path: string): Promise<void> {
  await makeDirectory(path, 0o750);
  const stats = await lstat(path);
  if (!stats.isDirectory()) throw new Error(`${path} is not a directory`);
  if ((stats.mode & MODE) !== MODE) await chmod(path, MODE);
}

/**
 * Makes an emptyDir in memory: a tmpfs of `sizeBytes`. Like the kubelet's its root keeps tmpfs' own mode, 1777. One that
 * is mounted already is kept.
 */
export async function ensureMemoryEmptyDir(
  path: string,
  sizeBytes: number,
  exec: Exec,
  signal: AbortSignal,
): Promise<void> {
  await makeDirectory(path, 0o750);
  const realPath = await realpath(path);
  const isMounted = (await readMounts()).some((mount) => isTmpfsAt(mount, realPath));
  if (isMounted) return;
  await ensureEmptyDir(path);
  await exec({ file: 'mount', args: ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', realPath] }, signal);
}

function isTmpfsAt(mount: MountInfo, path: string): boolean {
  return mount.fsType === 'tmpfs' && mount.mountPoint === path;
}

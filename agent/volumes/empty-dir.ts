import { chmod, lstat, realpath, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Exec } from '../../cni/index.ts';
import { makeDirectory } from './make-directory.ts';

/** Any user in any container may write (`pkg/volume/emptydir/empty_dir.go`, defaultPerm). */
const MODE = 0o777;

/** Makes the directory of an emptyDir on disk, with mode 0777 under any umask. What it holds already is kept. */
export async function ensureEmptyDir(path: string): Promise<void> {
  await makeDirectory(path, 0o750);
  const stats = await lstat(path);
  if (!stats.isDirectory()) throw new Error(`${path} is not a directory`);
  if ((stats.mode & MODE) !== MODE) await chmod(path, MODE);
}

/** `statfs` type of a tmpfs (linux/magic.h). */
const TMPFS_MAGIC = 0x01021994;

/**
 * Makes a directory in memory: a tmpfs of `sizeBytes`. Like the kubelet's its root keeps tmpfs' own mode, 1777. One that
 * is mounted already is kept.
 */
export async function ensureTmpfs(path: string, sizeBytes: number, exec: Exec, signal: AbortSignal): Promise<void> {
  await makeDirectory(path, 0o750);
  if (await isTmpfsMount(path)) return;
  await ensureEmptyDir(path);
  const target = await realpath(path);
  await exec({ file: 'mount', args: ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', target] }, signal);
}

/** Asked at every sync of a pod, so without the table of all mounts: a mount point is on another device than its parent. */
async function isTmpfsMount(path: string): Promise<boolean> {
  const [{ dev }, parent] = await Promise.all([lstat(path), lstat(dirname(path))]);
  return dev !== parent.dev && (await statfs(path)).type === TMPFS_MAGIC;
}

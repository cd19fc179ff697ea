import { chmod, lstat, realpath, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import type { Exec } from '../../cni/index.ts';
import { makeDirectory } from './make-directory.ts';

/** Any user in any container may write (`pkg/volume/emptydir/empty_dir.go`, defaultPerm). */
const MODE = 0o777;

/** `statfs` type of a tmpfs (linux/magic.h). */
const TMPFS_MAGIC = 0x01021994;

/**
 * Makes a directory with mode 0777 under any umask. What it holds already is kept.
 *
 * @param keepMode the mode of a directory that is there is left as it is
 * @returns true when there was none
 */
export async function ensureSharedDirectory(path: string, keepMode = false): Promise<boolean> {
  const isNew = !(await isDirectory(path));
  if (isNew) await makeDirectory(path, 0o750);
  const { mode } = await lstat(path);
  if ((isNew || !keepMode) && (mode & MODE) !== MODE) await chmod(path, MODE);
  return isNew;
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    if ((await lstat(path)).isDirectory()) return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
  throw new Error(`${path} is not a directory`);
}

/**
 * Makes a directory in memory: a tmpfs of `sizeBytes`. Like the kubelet's its root keeps tmpfs' own mode, 1777. One that
 * is mounted already is kept.
 *
 * @returns false when it was mounted already
 */
export async function ensureTmpfs(path: string, sizeBytes: number, exec: Exec, signal: AbortSignal): Promise<boolean> {
  await makeDirectory(path, 0o750);
  if (await isTmpfsMount(path)) return false;
  await ensureSharedDirectory(path);
  const target = await realpath(path);
  await exec({ file: 'mount', args: ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', target] }, signal);
  return true;
}

/** Asked at every sync of a pod, so without the table of all mounts: a mount point is on another device than its parent. */
async function isTmpfsMount(path: string): Promise<boolean> {
  const [{ dev }, parent] = await Promise.all([lstat(path), lstat(dirname(path))]);
  return dev !== parent.dev && (await statfs(path)).type === TMPFS_MAGIC;
}

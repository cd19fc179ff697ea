import { type FileHandle, lstat, mkdir, realpath, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import type { Exec } from '../../cni/index.ts';
import { makeDirectory } from './make-directory.ts';
import { readMounts } from './mountinfo.ts';
import { safeOpen } from './safe-open.ts';

/** A part of a volume, and where it is bound so that a container can be given it. */
export interface SubPathBind {
  /** The volume on the host. */
  readonly volumePath: string;
  /** Relative to the volume. */
  readonly path: string;
  /** A mount point below the pod's directory, where only root may go. */
  readonly target: string;
}

/**
 * Binds a part of a volume to its target, a directory or a file; missing directories are made. What is bound there already
 * is kept when it still is what the path names, else it is bound anew.
 *
 * The mount's source is the descriptor of what was checked, not its path: nobody can exchange it for something else between
 * the check and the mount (CVE-2021-25741). mount(8) must not resolve the descriptor's link back to a path for that.
 *
 * @returns false when it was bound already
 */
export async function bindSubPath(
  { volumePath, path, target }: SubPathBind,
  exec: Exec,
  signal: AbortSignal,
): Promise<boolean> {
  const source = await safeOpen(volumePath, path);
  try {
    if (await isSame(source, target)) return false;
    await unmountAll(target, exec, signal);
    await ensureMountPoint(target, (await source.stat()).isDirectory());
    const args = ['--no-canonicalize', '--bind', `/proc/${process.pid}/fd/${source.fd}`, target];
    await exec({ file: 'mount', args }, signal);
    if (await isSame(source, target)) return true;
    await unmountAll(target, exec, signal);
    throw new Error(`${target} shows something else than ${path} of ${volumePath}`);
  } finally {
    await source.close();
  }
}

/** The mount point itself is a file of our own: it is what the source is only when the source is mounted on it. */
async function isSame(source: FileHandle, target: string): Promise<boolean> {
  try {
    const [wanted, found] = await Promise.all([source.stat({ bigint: true }), lstat(target, { bigint: true })]);
    return wanted.dev === found.dev && wanted.ino === found.ino;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

async function unmountAll(target: string, exec: Exec, signal: AbortSignal): Promise<void> {
  const parent = await realpath(dirname(target)).catch(() => undefined);
  if (parent === undefined) return;
  const path = join(parent, basename(target));
  const layers = (await readMounts()).filter(({ mountPoint }) => mountPoint === path);
  for (const { mountPoint } of layers) await exec({ file: 'umount', args: ['--no-canonicalize', mountPoint] }, signal);
}

/** An empty directory for a directory; for anything else a file does, whatever it is that is bound there. */
async function ensureMountPoint(target: string, isDirectory: boolean): Promise<void> {
  await makeDirectory(dirname(target), 0o750);
  const there = await lstat(target).catch(() => undefined);
  if (there !== undefined && there.isDirectory() === isDirectory) return;
  if (there?.isDirectory() === true) await rmdir(target);
  else await rm(target, { force: true });
  if (isDirectory) await mkdir(target, 0o750);
  else await writeFile(target, '', { flag: 'wx', mode: 0o640 });
}

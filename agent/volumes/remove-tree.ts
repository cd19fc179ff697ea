/*
 * Removal of directories that containers wrote to, as root, without ever touching what lies behind a mount or a symbolic
 * link.
 *
 * INVARIANTS
 * - Every directory is opened relative to its parent's descriptor (`/proc/self/fd/N/name`) with O_NOFOLLOW, and its
 *   entries are removed relative to its own descriptor: nobody can slip a symbolic link under the walk.
 * - A directory is entered only when the kernel says that it lies on the same mount as the root (`mnt_id` of its
 *   descriptor). Device numbers would miss a bind mount of the same file system.
 * - Names are bytes: what a container wrote need not be UTF-8.
 * - Open descriptors are bounded: what lies deeper than MAX_DEPTH is first moved up to the root.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rename, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import { MountBusyError } from './errors.ts';
import { fdPath } from './fd-path.ts';

const MAX_DEPTH = 64;
const PARALLEL_UNLINKS = 16;

interface Walk {
  /** As the caller named it, for messages. */
  readonly rootPath: string;
  readonly rootFd: number;
  readonly mountId: string;
  readonly signal: AbortSignal;
  moved: number;
}

interface Directory {
  readonly fd: number;
  /** For messages only. */
  readonly path: string;
  readonly depth: number;
}

/**
 * Removes a directory and all below it; one that is gone is no error.
 *
 * @throws {@link MountBusyError} when something is mounted on or below it; what lies behind the mount is untouched
 */
export async function removeTree(path: string, signal: AbortSignal): Promise<void> {
  const root = await openDirectory(path);
  if (root === undefined) return;
  try {
    const walk = { rootPath: path, rootFd: root.fd, mountId: await mountIdOf(root.fd), signal, moved: 0 };
    // Again as long as there are entries: the walk moves what lies too deep up to here.
    while ((await readdir(path)).length > 0) await removeEntries(walk, { fd: root.fd, path, depth: 0 });
  } finally {
    await root.close();
  }
  await busyAsMount(path, path, () => rmdir(path));
}

async function removeEntries(walk: Walk, directory: Directory): Promise<void> {
  const names = await readdir(fdPath(directory.fd), { encoding: 'buffer' });
  for (let start = 0; start < names.length; start += PARALLEL_UNLINKS) {
    walk.signal.throwIfAborted();
    const batch = names.slice(start, start + PARALLEL_UNLINKS);
    const isDirectory = await Promise.all(batch.map((name) => unlinkUnlessDirectory(walk, directory, name)));
    for (const [index, name] of batch.entries()) if (isDirectory[index]) await removeDirectory(walk, directory, name);
  }
}

/** Removes an entry that is not a directory. True when it is one. */
async function unlinkUnlessDirectory(walk: Walk, parent: Directory, name: Buffer): Promise<boolean> {
  try {
    await busyAsMount(walk.rootPath, join(parent.path, name.toString()), () => unlink(entryPath(parent.fd, name)));
    return false;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    if (errorCode(error) === 'EISDIR') return true;
    throw error;
  }
}

async function removeDirectory(walk: Walk, parent: Directory, name: Buffer): Promise<void> {
  const path = join(parent.path, name.toString());
  const entry = entryPath(parent.fd, name);
  if (parent.depth >= MAX_DEPTH) {
    walk.moved += 1;
    return await busyAsMount(walk.rootPath, path, () => rename(entry, `${fdPath(walk.rootFd)}/.deep-${walk.moved}`));
  }
  const handle = await openDirectory(entry);
  if (handle === undefined) return;
  try {
    if ((await mountIdOf(handle.fd)) !== walk.mountId) throw new MountBusyError(walk.rootPath, [path]);
    await removeEntries(walk, { fd: handle.fd, path, depth: parent.depth + 1 });
  } finally {
    await handle.close();
  }
  await busyAsMount(walk.rootPath, path, () => rmdir(entry));
}

async function openDirectory(path: string | Buffer): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function mountIdOf(fd: number): Promise<string> {
  const info = await readFile(`/proc/self/fdinfo/${fd}`, 'utf8');
  const id = /^mnt_id:\s*(\d+)$/m.exec(info)?.[1];
  if (id === undefined) throw new Error(`/proc/self/fdinfo/${fd} has no mnt_id`);
  return id;
}

/** The kernel refuses to remove a mount point with EBUSY. */
async function busyAsMount(rootPath: string, path: string, remove: () => Promise<void>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (errorCode(error) === 'EBUSY') throw new MountBusyError(rootPath, [path], error);
    throw error;
  }
}

function entryPath(fd: number, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${fdPath(fd)}/`), name]);
}

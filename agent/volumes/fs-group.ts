/*
 * Gives a volume to a pod's fsGroup, as root, while containers may write to it.
 *
 * INVARIANTS
 * - Every entry is opened relative to its directory's descriptor without following symbolic links, and changed through its
 *   own descriptor: nobody can slip a link to another file under a change.
 * - The root comes last. A root that belongs to the group means that all below does: a walk that was cut short is done again.
 * - Names are bytes: what a container wrote need not be UTF-8.
 */
import type { Stats } from 'node:fs';
import { chmod, chown, type FileHandle, open, readdir } from 'node:fs/promises';
import { errorCode } from '../../cni/index.ts';
import { fdPath, PIN_FLAGS } from './fd-path.ts';
import { groupMode, isRootOfGroup } from './fs-group-plan.ts';

const PARALLEL = 16;

interface Walk {
  readonly gid: number;
  readonly signal: AbortSignal;
}

/** Gives a volume that may be written to, with all that it holds, to a group; nothing is done when its root is right. */
export async function ensureGroup(path: string, gid: number, signal: AbortSignal): Promise<void> {
  await withRoot(path, async (root, stats) => {
    if (!isRootOfGroup(stats, gid, false)) await giveDirectory({ gid, signal }, root, stats);
  });
}

/** Does the same whatever the root is like (`fsGroupChangePolicy: Always`). */
export async function setGroup(path: string, gid: number, signal: AbortSignal): Promise<void> {
  await withRoot(path, (root, stats) => giveDirectory({ gid, signal }, root, stats));
}

async function withRoot(path: string, run: (root: FileHandle, stats: Stats) => Promise<void>): Promise<void> {
  const root = await open(path, PIN_FLAGS);
  try {
    const stats = await root.stat();
    if (!stats.isDirectory()) throw new Error(`${path} is not a directory`);
    await run(root, stats);
  } finally {
    await root.close();
  }
}

/** As many descriptors are open as directories lie in each other. */
async function giveDirectory(walk: Walk, directory: FileHandle, stats: Stats): Promise<void> {
  const names = await readdir(fdPath(directory.fd), { encoding: 'buffer' });
  for (let start = 0; start < names.length; start += PARALLEL) {
    walk.signal.throwIfAborted();
    const batch = names.slice(start, start + PARALLEL);
    const isDirectory = await Promise.all(batch.map((name) => giveEntry(walk, directory, name, 'files')));
    for (const [index, name] of batch.entries()) {
      if (isDirectory[index]) await giveEntry(walk, directory, name, 'directories');
    }
  }
  await give(walk, directory, stats);
}

/** Files many at a time, directories one by one. True for a directory. */
async function giveEntry(
  walk: Walk,
  parent: FileHandle,
  name: Buffer,
  which: 'files' | 'directories',
): Promise<boolean> {
  const entry = await openEntry(parent, name);
  if (entry === undefined) return false;
  try {
    const stats = await entry.stat();
    if (!stats.isDirectory()) await give(walk, entry, stats);
    else if (which === 'directories') await giveDirectory(walk, entry, stats);
    return stats.isDirectory();
  } finally {
    await entry.close();
  }
}

/** Undefined when it was removed meanwhile. */
async function openEntry(parent: FileHandle, name: Buffer): Promise<FileHandle | undefined> {
  try {
    return await open(Buffer.concat([Buffer.from(`${fdPath(parent.fd)}/`), name]), PIN_FLAGS);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The path through the descriptor ends at what it holds, be that a symbolic link, which has no mode of its own. */
async function give({ gid }: Walk, entry: FileHandle, stats: Stats): Promise<void> {
  const path = fdPath(entry.fd);
  const mode = groupMode(stats.mode, { isDirectory: stats.isDirectory(), readOnly: false });
  if (stats.gid !== gid) await chown(path, stats.uid, gid);
  if (!stats.isSymbolicLink() && (stats.gid !== gid || (stats.mode & 0o7777) !== mode)) await chmod(path, mode);
}

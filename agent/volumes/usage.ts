/*
 * How much of a disk a pod's emptyDirs take up, as `du` counts: blocks, and an inode with several names once.
 *
 * INVARIANTS
 * - Every directory is opened relative to its parent's descriptor without following symbolic links, so a container cannot
 *   have the daemon count, or wait for, something of the host's.
 * - What vanishes during the walk is not counted, and is no error.
 */
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { errorCode } from '../../cni/index.ts';
import { fdPath, PIN_FLAGS } from './fd-path.ts';
import { emptyDirPath } from './paths.ts';

/** What is on disk below a directory, itself included. */
export interface DiskUsage {
  readonly bytes: number;
  readonly inodes: number;
}

interface Walk {
  readonly dev: number;
  /** Inodes with more than one name that were counted. */
  readonly seen: Set<number>;
  readonly signal: AbortSignal;
  bytes: number;
  inodes: number;
}

/** `st_blocks` counts these, whatever the file system's own block is (stat(2)). */
const BLOCK_BYTES = 512;

/**
 * Counts one emptyDir. Zero for one that is not there. Other file systems that are mounted below it are left out.
 *
 * @param podDir `<rootDir>/pods/<uid>`
 */
export async function emptyDirUsage(podDir: string, volume: string, signal: AbortSignal): Promise<DiskUsage> {
  const root = await openIfThere(emptyDirPath(podDir, volume));
  if (root === undefined) return { bytes: 0, inodes: 0 };
  try {
    const walk: Walk = { dev: (await root.stat()).dev, seen: new Set(), signal, bytes: 0, inodes: 0 };
    await count(walk, root);
    return { bytes: walk.bytes, inodes: walk.inodes };
  } finally {
    await root.close();
  }
}

/** As many descriptors are open as directories lie in each other. */
async function count(walk: Walk, entry: FileHandle): Promise<void> {
  const stats = await entry.stat();
  if (stats.dev !== walk.dev) return;
  if (stats.isDirectory()) {
    for (const name of await readdir(fdPath(entry.fd), { encoding: 'buffer' })) {
      walk.signal.throwIfAborted();
      await countEntry(walk, entry, name);
    }
  } else if (stats.nlink > 1) {
    if (walk.seen.has(stats.ino)) return;
    walk.seen.add(stats.ino);
  }
  walk.bytes += stats.blocks * BLOCK_BYTES;
  walk.inodes += 1;
}

async function countEntry(walk: Walk, parent: FileHandle, name: Buffer): Promise<void> {
  const entry = await openIfThere(Buffer.concat([Buffer.from(`${fdPath(parent.fd)}/`), name]));
  if (entry === undefined) return;
  try {
    await count(walk, entry);
  } finally {
    await entry.close();
  }
}

async function openIfThere(path: string | Buffer): Promise<FileHandle | undefined> {
  try {
    return await open(path, PIN_FLAGS);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

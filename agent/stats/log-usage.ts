import { lstat, readdir, readlink, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { DiskUsage } from './types.ts';

/** `st_blocks` counts these, whatever the file system's own block is (stat(2)). */
const blockBytes = 512;
const none: DiskUsage = { bytes: 0, inodes: 0 };

/**
 * What the logs of a container take up: the files that Docker writes and has rotated, found by the links to them. Zero for
 * logs that are not there, or not in files.
 *
 * @param directory `<podLogsDir>/<namespace>_<pod>_<uid>/<container>`
 */
export async function logUsage(directory: string, signal: AbortSignal): Promise<DiskUsage> {
  let total = none;
  for (const name of await listIfThere(directory)) {
    signal.throwIfAborted();
    const link = join(directory, name);
    const target = await readlink(link).catch(() => undefined);
    total = add(total, target === undefined ? await fileUsage(link) : await rotatedUsage(target));
  }
  return total;
}

/** The file and those that the json-file driver has rotated: `<file>.1`, `<file>.2.gz`. */
async function rotatedUsage(file: string): Promise<DiskUsage> {
  const names = await listIfThere(dirname(file));
  const own = names.filter((name) => name === basename(file) || name.startsWith(`${basename(file)}.`));
  const usages = await Promise.all(own.map((name) => fileUsage(join(dirname(file), name))));
  return usages.reduce(add, none);
}

async function fileUsage(path: string): Promise<DiskUsage> {
  const stats = await lstat(path).catch(() => undefined);
  return stats === undefined ? none : { bytes: stats.blocks * blockBytes, inodes: 1 };
}

async function listIfThere(directory: string): Promise<readonly string[]> {
  const stats = await stat(directory).catch(() => undefined);
  return stats?.isDirectory() === true ? readdir(directory) : [];
}

function add(a: DiskUsage, b: DiskUsage): DiskUsage {
  return { bytes: a.bytes + b.bytes, inodes: a.inodes + b.inodes };
}

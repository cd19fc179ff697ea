import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CgroupVersion } from '../cgroups/files-render.ts';
import { parseLimit, parseMemoryStat, workingSet } from './parse.ts';

export interface CgroupMemory {
  readonly workingSetBytes: number;
  /** Undefined: no limit. */
  readonly limitBytes: number | undefined;
}

/** Measures cgroups. All is undefined for a cgroup that is not there, or that the controller is not on for. */
export interface CgroupReader {
  /** @param path below the mount point of a controller, as `podCgroupPath` gives it; empty for the root */
  memory(path: string): Promise<CgroupMemory | undefined>;
  processes(path: string): Promise<number | undefined>;
}

/** @param root mount point: `/sys/fs/cgroup` */
export function createCgroupReader(root: string, version: CgroupVersion): CgroupReader {
  const read = (controller: string, path: string, file: string): Promise<string | undefined> =>
    readIfThere(version === 1 ? join(root, controller, path, file) : join(root, path, file));
  return {
    memory: async (path) => {
      const memory = (file: string): Promise<string | undefined> => read('memory', path, file);
      const stat = await memory('memory.stat');
      if (stat === undefined) return undefined;
      return version === 1 ? memoryV1(memory, stat) : memoryV2(memory, stat);
    },
    processes: async (path) => {
      const count = await read('pids', path, 'pids.current');
      return count === undefined ? undefined : Number(count.trim());
    },
  };
}

type ReadOne = (file: string) => Promise<string | undefined>;

async function memoryV1(read: ReadOne, stat: string): Promise<CgroupMemory | undefined> {
  const usage = await read('memory.usage_in_bytes');
  if (usage === undefined) return undefined;
  const inactive = parseMemoryStat(stat).get('total_inactive_file') ?? 0;
  const limit = await read('memory.limit_in_bytes');
  return {
    workingSetBytes: workingSet(Number(usage.trim()), inactive),
    limitBytes: limit === undefined ? undefined : parseLimit(limit),
  };
}

/** The root of cgroup v2 does not count its use: it is anonymous memory and page cache (runc: `cgroups/fs2/memory.go`). */
async function memoryV2(read: ReadOne, stat: string): Promise<CgroupMemory> {
  const fields = parseMemoryStat(stat);
  const [usage, limit] = await Promise.all([read('memory.current'), read('memory.max')]);
  const used = usage === undefined ? (fields.get('anon') ?? 0) + (fields.get('file') ?? 0) : Number(usage.trim());
  return {
    workingSetBytes: workingSet(used, fields.get('inactive_file') ?? 0),
    limitBytes: limit === undefined ? undefined : parseLimit(limit),
  };
}

/** A cgroup that is removed while its file is open answers ENODEV. */
async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

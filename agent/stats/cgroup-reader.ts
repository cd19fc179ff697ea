import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import type { CgroupVersion } from '../cgroups/files-render.ts';
import { memoryFileNames, parseMemory } from '../cgroups/memory-parse.ts';
import { cgroupDirectory } from '../cgroups/names.ts';

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
    readIfThere(join(cgroupDirectory(version, root, controller, path), file));
  const names = memoryFileNames[version];
  return {
    memory: async (path) => {
      const [usage, stat, limit] = await Promise.all([
        read('memory', path, names.usage),
        read('memory', path, names.stat),
        read('memory', path, names.limit),
      ]);
      const sample = parseMemory(version, { usage, stat, limit });
      return sample && { workingSetBytes: sample.workingSet, limitBytes: sample.limit };
    },
    processes: async (path) => {
      const count = await read('pids', path, 'pids.current');
      return count === undefined ? undefined : Number(count.trim());
    },
  };
}

/** A cgroup that is removed while its file is open answers ENODEV. */
async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENODEV'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}

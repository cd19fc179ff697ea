import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import type { CgroupVersion } from '../cgroups/files-render.ts';
import { memoryFileNames, type MemorySample, parseMemory } from '../cgroups/memory-parse.ts';
import { cgroupDirectory } from '../cgroups/names.ts';
import { cpuNanosV1, cpuNanosV2, detailsV1, detailsV2, type ReadCgroupFile } from './cgroup-parse.ts';
import { createRates } from './rates.ts';
import type { CgroupSample } from './types.ts';

/** Measures cgroups, and remembers what they had used when they were last measured. */
export interface CgroupSampler {
  /** @param path below the mount point of a controller; empty for the root */
  sample(path: string, withDetails: boolean): CgroupSample;
  /** IDs of the processes in the cgroup itself; empty for one that is not there. */
  processes(path: string): readonly number[];
  /** Forgets cgroups that are not among these. */
  retain(paths: ReadonlySet<string>): void;
}

export interface CgroupSamplerDeps {
  /** Mount point: `/sys/fs/cgroup`. */
  readonly root: string;
  readonly version: CgroupVersion;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Files of the kernel are read in this thread: they wait for no disk, and the way through the thread pool costs several
 * times what the read does. Whoever samples many cgroups has to let others run in between.
 */
export function createCgroupSampler({ root, version, now }: CgroupSamplerDeps): CgroupSampler {
  const rates = createRates();
  const reader =
    (path: string): ReadCgroupFile =>
    (controller, file) =>
      readIfThere(join(cgroupDirectory(version, root, controller, path), file));
  return {
    sample: (path, withDetails) => {
      const read = onlyOnce(reader(path));
      const cpuNanos = version === 1 ? cpuNanosV1(read) : cpuNanosV2(read);
      const time = now();
      return {
        time,
        cpuNanos,
        memory: memoryOf(version, read),
        nanoCores: cpuNanos === undefined ? undefined : rates.rate(path, { time, usageNanos: cpuNanos }),
        details: withDetails ? (version === 1 ? detailsV1(read) : detailsV2(read)) : undefined,
      };
    },
    processes: (path) => {
      const text = reader(path)('memory', 'cgroup.procs') ?? '';
      return text.split('\n').flatMap((line) => (line === '' ? [] : [Number(line)]));
    },
    retain: (paths) => rates.retain(paths),
  };
}

function memoryOf(version: CgroupVersion, read: ReadCgroupFile): MemorySample | undefined {
  const { usage, stat, limit } = memoryFileNames[version];
  const memory = (file: string): string | undefined => read('memory', file);
  return parseMemory(version, { usage: memory(usage), stat: memory(stat), limit: memory(limit) });
}

/** Several values are in one file, and the kernel adds them up for each read. */
function onlyOnce(read: ReadCgroupFile): ReadCgroupFile {
  const texts = new Map<string, string | undefined>();
  return (controller, file) => {
    if (!texts.has(file)) texts.set(file, read(controller, file));
    return texts.get(file);
  };
}

/** A cgroup or process that goes while its file is open answers ENODEV or ESRCH; a v2 file may not support reading. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = errorCode(error) ?? '';
    if (['ENOENT', 'ENODEV', 'ESRCH', 'EOPNOTSUPP', 'EINVAL'].includes(code)) return undefined;
    throw error;
  }
}

import type { CgroupVersion } from './files-render.ts';
import { parseFlatKeyed, parseLimit, parseNumber } from './parse.ts';

/** Bytes, unless said otherwise. */
export interface MemorySample {
  readonly usage: number;
  readonly workingSet: number;
  readonly rss: number;
  readonly cache: number;
  readonly mappedFile: number;
  /** How often, since the cgroup was made. */
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  /** Undefined: no limit. */
  readonly limit: number | undefined;
}

/** Of each file of the memory controller that tells of use. */
export interface MemoryFiles<T> {
  readonly usage: T;
  readonly stat: T;
  readonly limit: T;
}

export const memoryFileNames: Readonly<Record<CgroupVersion, MemoryFiles<string>>> = {
  1: { usage: 'memory.usage_in_bytes', stat: 'memory.stat', limit: 'memory.limit_in_bytes' },
  2: { usage: 'memory.current', stat: 'memory.stat', limit: 'memory.max' },
};

/** @param texts undefined for a file that is not there; the result is undefined when that leaves nothing to tell */
export function parseMemory(version: CgroupVersion, texts: MemoryFiles<string | undefined>): MemorySample | undefined {
  if (texts.stat === undefined) return undefined;
  const stat = parseFlatKeyed(texts.stat);
  const [usage, limit] = [parseNumber(texts.usage), parseLimit(texts.limit)];
  return version === 1 ? memoryV1(stat, usage, limit) : memoryV2(stat, usage, limit);
}

type Stat = ReadonlyMap<string, number>;

/** The fields with `total_` are those of the whole subtree. */
function memoryV1(stat: Stat, usage: number | undefined, limit: number | undefined): MemorySample | undefined {
  if (usage === undefined) return undefined;
  const total = (field: string): number => stat.get(`total_${field}`) ?? stat.get(field) ?? 0;
  return {
    usage,
    workingSet: workingSet(usage, total('inactive_file')),
    rss: total('rss'),
    cache: total('cache'),
    mappedFile: total('mapped_file'),
    pageFaults: total('pgfault'),
    majorPageFaults: total('pgmajfault'),
    limit,
  };
}

/** The root does not count its use: it is anonymous memory and page cache (runc: `cgroups/fs2/memory.go`). */
function memoryV2(stat: Stat, current: number | undefined, limit: number | undefined): MemorySample {
  const field = (name: string): number => stat.get(name) ?? 0;
  const usage = current ?? field('anon') + field('file');
  return {
    usage,
    workingSet: workingSet(usage, field('inactive_file')),
    rss: field('anon'),
    cache: field('file'),
    mappedFile: field('file_mapped'),
    pageFaults: field('pgfault'),
    majorPageFaults: field('pgmajfault'),
    limit,
  };
}

/**
 * Memory that cannot be had back without swapping: what is used without the page cache that nobody has touched for a while
 * (cadvisor: `container/libcontainer/handler.go`, working set).
 */
export function workingSet(usage: number, inactiveFile: number): number {
  return Math.max(0, usage - inactiveFile);
}

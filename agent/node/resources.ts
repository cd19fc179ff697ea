import { readdir, readFile, statfs } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { NodeResources } from './allocatable.ts';
import { parseMeminfo, renderHugepageResource } from './resources-plan.ts';

export interface CapacityOptions {
  /** The kubelet's root directory: its file system is the node's ephemeral storage. */
  readonly rootDir: string;
  readonly maxPods: number;
  /** The kubelet's `podsPerCore`; 0 for no limit by it. */
  readonly podsPerCore: number;
}

const hugepagesDirectory = '/sys/kernel/mm/hugepages';

/**
 * What this machine has (kubelet: `MachineInfo`, pkg/kubelet/nodestatus/setters.go; process IDs as in `pidlimit.Stats`,
 * pkg/kubelet/stats/pidlimit).
 */
export async function nodeCapacity({ rootDir, maxPods, podsPerCore }: CapacityOptions): Promise<NodeResources> {
  const [meminfo, fileSystem, pids, hugepages] = await Promise.all([
    readFile('/proc/meminfo', 'utf8'),
    statfs(rootDir),
    maxPids(),
    hugepageCapacity(),
  ]);
  const cores = cpus().length;
  return {
    cpuMillis: cores * 1000,
    memoryBytes: parseMeminfo(meminfo, 'MemTotal') ?? 0,
    ephemeralStorageBytes: fileSystem.blocks * fileSystem.bsize,
    pods: podsPerCore > 0 ? Math.min(maxPods, podsPerCore * cores) : maxPods,
    pids,
    hugepages,
  };
}

async function maxPids(): Promise<number> {
  const limits = await Promise.all(['pid_max', 'threads-max'].map((name) => readNumber(`/proc/sys/kernel/${name}`)));
  return Math.min(...limits);
}

/** Bytes of each size of huge pages that the kernel was told to set aside. */
async function hugepageCapacity(): Promise<Readonly<Record<string, number>>> {
  const directories = await readdir(hugepagesDirectory).catch(() => []);
  const sizes = await Promise.all(
    directories.map(async (name) => {
      const count = await readNumber(join(hugepagesDirectory, name, 'nr_hugepages'));
      return renderHugepageResource(name, count);
    }),
  );
  return Object.fromEntries(sizes.filter((entry) => entry !== undefined));
}

async function readNumber(path: string): Promise<number> {
  return Number((await readFile(path, 'utf8')).trim());
}

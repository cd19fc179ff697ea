import { readFile, stat, statfs } from 'node:fs/promises';
import { errorCode } from '../../cni/index.ts';
import { parseMeminfo } from '../node/resources-plan.ts';
import type { CgroupReader } from './cgroup-reader.ts';
import { amountLeft, parseProcesses } from './parse.ts';
import type { Amount, FileSystemStats, NodeStats } from './types.ts';

export interface NodeStatsDeps {
  /** The kubelet's root directory. */
  readonly rootDir: string;
  /** Where images and writable layers lie; undefined while the runtime has not told. */
  readonly imageDir: string | undefined;
  readonly cgroups: CgroupReader;
  /** Path of the cgroup of all pods. */
  readonly podsCgroup: string;
}

/**
 * Measures the node: some small files and two `statfs` calls. What cannot be measured is left out: no threshold is met by
 * it (kubelet: `makeSignalObservations`, pkg/kubelet/eviction/helpers.go).
 */
export async function nodeStats(deps: NodeStatsDeps): Promise<NodeStats> {
  const [memory, podsMemory, nodeFs, imageFs, pids] = await Promise.all([
    nodeMemory(deps.cgroups),
    limitedMemory(deps.cgroups, deps.podsCgroup),
    fileSystemStats(deps.rootDir),
    deps.imageDir === undefined ? undefined : fileSystemStats(deps.imageDir),
    nodePids(),
  ]);
  return { memory, podsMemory, nodeFs, imageFs, pids };
}

/**
 * Memory of the machine without the working set of all cgroups, as the kubelet counts it (cadvisor: the root container).
 * Where the root cgroup cannot be read, what the kernel thinks is available.
 */
export async function nodeMemory(cgroups: CgroupReader): Promise<Amount | undefined> {
  const [meminfo, root] = await Promise.all([readFile('/proc/meminfo', 'utf8'), cgroups.memory('')]);
  const capacity = parseMeminfo(meminfo, 'MemTotal');
  if (capacity === undefined) return undefined;
  if (root !== undefined) return amountLeft(capacity, root.workingSetBytes);
  const available = parseMeminfo(meminfo, 'MemAvailable');
  return available === undefined ? undefined : { capacity, available };
}

/** What a cgroup's limit leaves it; undefined for one without a limit. */
async function limitedMemory(cgroups: CgroupReader, path: string): Promise<Amount | undefined> {
  const memory = await cgroups.memory(path);
  return memory?.limitBytes === undefined ? undefined : amountLeft(memory.limitBytes, memory.workingSetBytes);
}

/** Undefined for a directory that is not there, such as that of a Docker on another machine. */
export async function fileSystemStats(directory: string): Promise<FileSystemStats | undefined> {
  try {
    const [{ dev }, { blocks, bavail, bsize, files, ffree }] = await Promise.all([stat(directory), statfs(directory)]);
    return {
      device: dev,
      bytes: { available: bavail * bsize, capacity: blocks * bsize },
      inodes: files === 0 ? undefined : { available: ffree, capacity: files },
    };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new Error(`cannot measure the file system of ${directory}`, { cause: error });
  }
}

/** Process IDs of the machine (`pidlimit.Stats`, pkg/kubelet/stats/pidlimit). */
async function nodePids(): Promise<Amount | undefined> {
  const files = ['/proc/loadavg', '/proc/sys/kernel/pid_max', '/proc/sys/kernel/threads-max'];
  const [loadavg = '', ...limits] = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  const used = parseProcesses(loadavg);
  return used === undefined ? undefined : amountLeft(Math.min(...limits.map(Number)), used);
}

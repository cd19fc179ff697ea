import type { LinuxResources } from '../types.ts';
import type { ContainerInspection, ContainerUpdateBody } from './api.ts';

/** For Docker's update, 0 is "as it was"; no limit has to be asked for. */
const unlimited = -1;

/**
 * The Docker request that changes a running container's limits. Memory and swap go together: a memory limit above the
 * swap limit that is in force is refused.
 */
export function renderUpdate(resources: LinuxResources): ContainerUpdateBody {
  const memory = resources.memoryLimit || unlimited;
  return {
    CpuShares: resources.cpuShares,
    CpuPeriod: resources.cpuPeriod,
    CpuQuota: resources.cpuQuota || unlimited,
    Memory: memory,
    MemorySwap: memory,
    PidsLimit: resources.pidsLimit ?? unlimited,
  };
}

/** What Docker enforces, from an inspection. It shows a limit that was taken away as -1, and one that never was as 0. */
export function decodeResources(config: ContainerInspection['HostConfig']): LinuxResources {
  const pidsLimit = config.PidsLimit ?? 0;
  return {
    cpuShares: config.CpuShares ?? 0,
    cpuPeriod: config.CpuPeriod ?? 0,
    cpuQuota: Math.max(0, config.CpuQuota ?? 0),
    memoryLimit: Math.max(0, config.Memory ?? 0),
    ...(pidsLimit > 0 ? { pidsLimit } : {}),
  };
}

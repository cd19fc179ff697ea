import type { LinuxResources } from '../types.ts';
import type { ContainerInspection, ContainerUpdateBody } from './api.ts';

/** For Docker's update, 0 is "as it was": no limit has to be asked for. */
const unlimited = -1;

/** Docker has no word for taking a memory limit away: 8 PiB limit nothing, and as much swap. */
const unlimitedMemory = 2 ** 53;

/**
 * The Docker request that changes a running container's limits. Memory and swap go together: a memory limit above the
 * swap limit that is in force is refused.
 */
export function renderUpdate(resources: LinuxResources): ContainerUpdateBody {
  const { memoryLimit } = resources;
  return {
    CpuShares: resources.cpuShares,
    CpuPeriod: resources.cpuPeriod,
    CpuQuota: resources.cpuQuota || unlimited,
    Memory: memoryLimit || unlimitedMemory,
    MemorySwap: memoryLimit || 2 * unlimitedMemory,
    PidsLimit: resources.pidsLimit ?? unlimited,
  };
}

/** What Docker enforces, from an inspection, in the form in which it is asked for: a limit that was taken away is none. */
export function decodeResources(config: ContainerInspection['HostConfig']): LinuxResources {
  const cpuQuota = Math.max(0, config.CpuQuota ?? 0);
  const memory = config.Memory ?? 0;
  const pidsLimit = config.PidsLimit ?? 0;
  return {
    cpuShares: config.CpuShares ?? 0,
    cpuPeriod: cpuQuota === 0 ? 0 : (config.CpuPeriod ?? 0),
    cpuQuota,
    memoryLimit: memory >= unlimitedMemory ? 0 : Math.max(0, memory),
    ...(pidsLimit > 0 ? { pidsLimit } : {}),
  };
}

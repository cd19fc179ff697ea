/*
 * CPU amounts as the kernel counts them (kubelet: `pkg/kubelet/cm/helpers_linux.go`).
 */

export const minShares = 2;
const maxShares = 262_144;
const sharesPerCpu = 1024;
/** Below a millisecond the kernel spends more on the limit than the limit saves. */
const minQuotaMicros = 1_000;
const maxWeight = 10_000;

/** How CPU limits are enforced: the kubelet's `cpuCFSQuota` and `cpuCFSQuotaPeriod`. */
export interface CpuQuotaSettings {
  readonly enforce: boolean;
  /** Microseconds. */
  readonly periodMicros: number;
}

export const defaultCpuQuota: CpuQuotaSettings = { enforce: true, periodMicros: 100_000 };

/** cgroup v1 `cpu.shares` for a request in thousandths of a CPU (`MilliCPUToShares`). */
export function milliCpuToShares(milliCpu: number): number {
  return Math.min(maxShares, Math.max(minShares, Math.floor((milliCpu * sharesPerCpu) / 1000)));
}

/** CFS quota in microseconds for a limit in thousandths of a CPU (`MilliCPUToQuota`); 0 is unlimited. */
export function milliCpuToQuota(milliCpu: number, periodMicros: number): number {
  return milliCpu === 0 ? 0 : Math.max(minQuotaMicros, Math.floor((milliCpu * periodMicros) / 1000));
}

/**
 * cgroup v2 `cpu.weight` for v1 shares: the linear formula of KEP-2254, which the kubelet applies to the groups of pods and
 * classes. (runc >= 1.3 converts the shares of containers by a curve of its own, where 1024 shares are a weight of 100.)
 */
export function sharesToWeight(shares: number): number {
  return 1 + Math.floor(((shares - minShares) * (maxWeight - 1)) / (maxShares - minShares));
}

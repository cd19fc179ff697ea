import { sharesToWeight } from './cpu.ts';
import type { CgroupResources } from './resources-plan.ts';

export type CgroupVersion = 1 | 2;

/** A value for one file of a cgroup. On cgroup v1 each controller has a hierarchy of its own. */
export interface CgroupFile {
  readonly controller: 'cpu' | 'memory' | 'pids' | 'hugetlb';
  readonly name: string;
  readonly value: string;
}

/**
 * The files to write for a cgroup, in order:
 *
 *   v1  cpu.shares, cpu.cfs_period_us, cpu.cfs_quota_us, memory.limit_in_bytes, pids.max, hugetlb.<size>.limit_in_bytes
 *   v2  cpu.weight, cpu.max, memory.max, pids.max, hugetlb.<size>.max
 *
 * (kernel: Documentation/admin-guide/cgroup-v1, cgroup-v2.rst; kubelet: `toResources`, pkg/kubelet/cm/cgroup_manager_linux.go)
 */
export function renderFiles(version: CgroupVersion, resources: CgroupResources): readonly CgroupFile[] {
  return [
    ...(version === 1 ? cpuFilesV1(resources) : cpuFilesV2(resources)),
    ...memoryFiles(version, resources),
    ...pidsFiles(resources),
    ...hugepageFiles(version, resources),
  ];
}

function cpuFilesV1({ cpuShares, cpuQuota }: CgroupResources): readonly CgroupFile[] {
  return [
    ...(cpuShares === undefined ? [] : [file('cpu', 'cpu.shares', cpuShares)]),
    ...(cpuQuota === undefined
      ? []
      : [
          file('cpu', 'cpu.cfs_period_us', cpuQuota.periodMicros),
          file('cpu', 'cpu.cfs_quota_us', cpuQuota.quotaMicros > 0 ? cpuQuota.quotaMicros : -1),
        ]),
  ];
}

function cpuFilesV2({ cpuShares, cpuQuota }: CgroupResources): readonly CgroupFile[] {
  const max = (quotaMicros: number): string => (quotaMicros > 0 ? String(quotaMicros) : 'max');
  return [
    ...(cpuShares === undefined ? [] : [file('cpu', 'cpu.weight', sharesToWeight(cpuShares))]),
    ...(cpuQuota === undefined
      ? []
      : [file('cpu', 'cpu.max', `${max(cpuQuota.quotaMicros)} ${cpuQuota.periodMicros}`)]),
  ];
}

function memoryFiles(version: CgroupVersion, { memoryLimit }: CgroupResources): readonly CgroupFile[] {
  if (memoryLimit === undefined) return [];
  if (version === 1) return [file('memory', 'memory.limit_in_bytes', memoryLimit)];
  return [file('memory', 'memory.max', memoryLimit < 0 ? 'max' : memoryLimit)];
}

function pidsFiles({ pidsLimit }: CgroupResources): readonly CgroupFile[] {
  return pidsLimit === undefined ? [] : [file('pids', 'pids.max', pidsLimit)];
}

function hugepageFiles(version: CgroupVersion, { hugepages }: CgroupResources): readonly CgroupFile[] {
  const suffix = version === 1 ? 'limit_in_bytes' : 'max';
  return [...(hugepages ?? [])].map(([size, bytes]) => file('hugetlb', `hugetlb.${sizeName(size)}.${suffix}`, bytes));
}

/** `2MB`, `1GB`: the kernel's names of page sizes, in powers of 1024. */
function sizeName(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${bytes / 1024 ** power}${units[power] ?? 'B'}`;
}

function file(controller: CgroupFile['controller'], name: string, value: number | string): CgroupFile {
  return { controller, name, value: typeof value === 'number' ? BigInt(value).toString() : value };
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CgroupVersion } from './files-render.ts';
import { memoryFileNames } from './memory-parse.ts';
import { cgroupDirectory } from './names.ts';
import { parseLimit } from './parse.ts';
import type { CgroupResources } from './resources-plan.ts';

/** What limits a cgroup now. Undefined: no limit, or no such cgroup. */
export interface CgroupLimits {
  readonly cpuQuota: CgroupResources['cpuQuota'];
  /** Bytes. */
  readonly memoryLimit: number | undefined;
}

const defaultPeriodMicros = 100_000;

/** @param path of the cgroup below the mount point, of each controller on cgroup v1 */
export async function readLimits(version: CgroupVersion, root: string, path: string): Promise<CgroupLimits> {
  const read = async (controller: string, name: string): Promise<string> => {
    const directory = cgroupDirectory(version, root, controller, path);
    return (await readFile(join(directory, name), 'utf8').catch(() => '')).trim();
  };
  const cpu =
    version === 1
      ? Promise.all([read('cpu', 'cpu.cfs_quota_us'), read('cpu', 'cpu.cfs_period_us')])
      : read('cpu', 'cpu.max').then((text) => text.split(' '));
  const memory = read('memory', memoryFileNames[version].limit);
  const [quota = '', period = ''] = await cpu;
  return { cpuQuota: parseQuota(quota, period), memoryLimit: parseLimit(await memory) };
}

function parseQuota(quota: string, period: string): CgroupLimits['cpuQuota'] {
  const quotaMicros = Number.parseInt(quota, 10);
  return quotaMicros > 0 ? { quotaMicros, periodMicros: Number(period) } : undefined;
}

/**
 * What a cgroup must have while the limits of what is in it change from those of `now` to those of `target`: of each the
 * wider one. No limit is written down as such: what is undefined would stay as it is.
 */
export function widen(target: CgroupResources, now: CgroupLimits): CgroupResources {
  const { cpuQuota, memoryLimit, ...others } = target;
  return {
    ...others,
    cpuQuota: wider(cpuQuota, now.cpuQuota) ?? { quotaMicros: -1, periodMicros: defaultPeriodMicros },
    memoryLimit:
      memoryLimit === undefined || memoryLimit < 0 || now.memoryLimit === undefined
        ? -1
        : Math.max(memoryLimit, now.memoryLimit),
  };
}

type Quota = NonNullable<CgroupResources['cpuQuota']>;

function wider(a: Quota | undefined, b: Quota | undefined): Quota | undefined {
  if (a === undefined || b === undefined || a.quotaMicros <= 0 || b.quotaMicros <= 0) return undefined;
  return a.quotaMicros / a.periodMicros >= b.quotaMicros / b.periodMicros ? a : b;
}

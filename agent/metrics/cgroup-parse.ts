import { parseFlatKeyed, parseNumber } from '../cgroups/parse.ts';
import type { CgroupDetails, CpuDetails } from './types.ts';

/** Reads a file of a cgroup; undefined when it is not there. On cgroup v1 the controller says which hierarchy. */
export type ReadCgroupFile = (controller: string, file: string) => string | undefined;

/** The `user` and `system` of `cpuacct.stat` are in these (sysconf(_SC_CLK_TCK), 100 on every Linux architecture). */
const tickNanos = 10_000_000;

/** A limit of cgroup v2 is `max`, or its quota and period: `20000 100000`. */
const defaultPeriod = 100_000;

/** CPU time since the cgroup was made, billionths of a second. */
export function cpuNanosV1(read: ReadCgroupFile): number | undefined {
  return parseNumber(read('cpuacct', 'cpuacct.usage'));
}

export function cpuNanosV2(read: ReadCgroupFile): number | undefined {
  const micros = parseFlatKeyed(read('cpu', 'cpu.stat') ?? '').get('usage_usec');
  return micros === undefined ? undefined : micros * 1_000;
}

export function detailsV1(read: ReadCgroupFile): CgroupDetails {
  const number = (controller: string, file: string): number | undefined => parseNumber(read(controller, file));
  const quota = number('cpu', 'cpu.cfs_quota_us');
  return {
    cpu: cpuDetailsV1(read),
    swap: parseFlatKeyed(read('memory', 'memory.stat') ?? '').get('total_swap'),
    peak: number('memory', 'memory.max_usage_in_bytes'),
    limitHits: number('memory', 'memory.failcnt'),
    oomKills: parseFlatKeyed(read('memory', 'memory.oom_control') ?? '').get('oom_kill'),
    threads: number('pids', 'pids.current'),
    cpuShares: number('cpu', 'cpu.shares'),
    cpuPeriod: number('cpu', 'cpu.cfs_period_us'),
    cpuQuota: quota !== undefined && quota > 0 ? quota : undefined,
  };
}

export function detailsV2(read: ReadCgroupFile): CgroupDetails {
  const number = (controller: string, file: string): number | undefined => parseNumber(read(controller, file));
  const events = parseFlatKeyed(read('memory', 'memory.events') ?? '');
  const max = read('cpu', 'cpu.max');
  const [quota, period] = (max ?? '').trim().split(' ').map(Number);
  const weight = number('cpu', 'cpu.weight');
  return {
    cpu: cpuDetailsV2(read),
    swap: number('memory', 'memory.swap.current'),
    peak: number('memory', 'memory.peak'),
    limitHits: events.get('max'),
    oomKills: events.get('oom_kill'),
    threads: number('pids', 'pids.current'),
    cpuShares: weight === undefined ? undefined : weightToShares(weight),
    cpuPeriod: max === undefined ? undefined : (period ?? defaultPeriod),
    cpuQuota: quota !== undefined && Number.isFinite(quota) ? quota : undefined,
  };
}

function cpuDetailsV1(read: ReadCgroupFile): CpuDetails | undefined {
  const text = read('cpuacct', 'cpuacct.stat');
  if (text === undefined) return undefined;
  const ticks = parseFlatKeyed(text);
  const stat = parseFlatKeyed(read('cpu', 'cpu.stat') ?? '');
  return {
    userNanos: (ticks.get('user') ?? 0) * tickNanos,
    systemNanos: (ticks.get('system') ?? 0) * tickNanos,
    periods: stat.get('nr_periods') ?? 0,
    throttledPeriods: stat.get('nr_throttled') ?? 0,
    throttledNanos: stat.get('throttled_time') ?? 0,
  };
}

function cpuDetailsV2(read: ReadCgroupFile): CpuDetails | undefined {
  const text = read('cpu', 'cpu.stat');
  if (text === undefined) return undefined;
  const stat = parseFlatKeyed(text);
  const micros = (field: string): number => (stat.get(field) ?? 0) * 1_000;
  return {
    userNanos: micros('user_usec'),
    systemNanos: micros('system_usec'),
    periods: stat.get('nr_periods') ?? 0,
    throttledPeriods: stat.get('nr_throttled') ?? 0,
    throttledNanos: micros('throttled_usec'),
  };
}

/** cAdvisor tells the weight of cgroup v2 as shares, by the line through (1, 2) and (10000, 262144). */
function weightToShares(weight: number): number {
  return Math.floor(2 + ((weight - 1) * 262_142) / 9_999);
}

import type { Labels, MetricType } from '../../cni/index.ts';
import type { MemorySample } from '../cgroups/memory-parse.ts';
import type { CgroupDetails, CgroupSample, CpuDetails } from './types.ts';

/** A family of `/metrics/cadvisor` that a cgroup alone tells. */
export interface CgroupMetric {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** Besides those of the cgroup. */
  readonly labels?: Labels;
  /** Undefined where it does not apply. */
  readonly value: (sample: CgroupSample) => number | undefined;
}

const nanosPerSecond = 1e9;

function cpu(name: string, help: string, value: (cpu: CpuDetails) => number): CgroupMetric {
  return {
    ...{ name: `container_cpu_${name}`, type: 'counter', help },
    value: ({ details }) => (details?.cpu === undefined ? undefined : value(details.cpu)),
  };
}

/** Told of cgroups with a quota only, as cAdvisor does. */
function bandwidth(name: string, help: string, value: (cpu: CpuDetails) => number): CgroupMetric {
  const metric = cpu(`cfs_${name}`, help, value);
  return {
    ...metric,
    value: (sample) => (sample.details?.cpuQuota === undefined ? undefined : metric.value(sample)),
  };
}

function memory(name: string, help: string, value: (memory: MemorySample) => number): CgroupMetric {
  return {
    ...{ name: `container_memory_${name}`, type: 'gauge', help },
    value: (sample) => (sample.memory === undefined ? undefined : value(sample.memory)),
  };
}

function detail(
  name: string,
  type: MetricType,
  help: string,
  value: (details: CgroupDetails) => number | undefined,
): CgroupMetric {
  return {
    ...{ name: `container_${name}`, type, help },
    value: ({ details }) => (details === undefined ? undefined : value(details)),
  };
}

/** With the time of measurement. */
export const cgroupMetrics: readonly CgroupMetric[] = [
  {
    ...{ name: 'container_cpu_usage_seconds_total', type: 'counter', help: 'CPU time used, in seconds.' },
    labels: { cpu: 'total' },
    value: ({ cpuNanos }) => (cpuNanos === undefined ? undefined : cpuNanos / nanosPerSecond),
  },
  cpu('user_seconds_total', 'CPU time used in user mode, in seconds.', ({ userNanos }) => userNanos / nanosPerSecond),
  cpu(
    'system_seconds_total',
    'CPU time used in the kernel, in seconds.',
    ({ systemNanos }) => systemNanos / nanosPerSecond,
  ),
  bandwidth('periods_total', 'Periods of CPU bandwidth control that have gone by.', ({ periods }) => periods),
  bandwidth(
    'throttled_periods_total',
    'Periods of CPU bandwidth control in which the container was throttled.',
    ({ throttledPeriods }) => throttledPeriods,
  ),
  bandwidth(
    'throttled_seconds_total',
    'Time that the container was throttled for, in seconds.',
    ({ throttledNanos }) => throttledNanos / nanosPerSecond,
  ),
  memory('usage_bytes', 'Memory used, all of it.', ({ usage }) => usage),
  memory('working_set_bytes', 'Memory that cannot be reclaimed at once.', ({ workingSet }) => workingSet),
  memory('rss', 'Anonymous memory in bytes.', ({ rss }) => rss),
  memory('cache', 'Page cache in bytes.', ({ cache }) => cache),
  memory('mapped_file', 'Files mapped into memory in bytes.', ({ mappedFile }) => mappedFile),
  detail('memory_swap', 'gauge', 'Swap used in bytes.', ({ swap }) => swap),
  detail('memory_failcnt', 'counter', 'How often the use of memory met the limit.', ({ limitHits }) => limitHits),
  detail('memory_max_usage_bytes', 'gauge', 'Largest use of memory in bytes.', ({ peak }) => peak),
  detail('oom_events_total', 'counter', 'Processes killed because memory ran out.', ({ oomKills }) => oomKills),
  detail('threads', 'gauge', 'Threads inside the container.', ({ threads }) => threads),
];

/** Settings; without a time. 0 is no limit. */
export const specMetrics: readonly CgroupMetric[] = [
  detail('spec_cpu_period', 'gauge', 'CPU period in microseconds.', ({ cpuPeriod }) => cpuPeriod),
  detail('spec_cpu_quota', 'gauge', 'CPU quota in microseconds.', ({ cpuQuota }) => cpuQuota),
  detail('spec_cpu_shares', 'gauge', 'CPU shares.', ({ cpuShares }) => cpuShares),
  {
    ...{ name: 'container_spec_memory_limit_bytes', type: 'gauge', help: 'Memory limit in bytes.' },
    value: (sample) => (sample.memory === undefined ? undefined : (sample.memory.limit ?? 0)),
  },
];

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Writes files below a directory, by their paths. */
export function writeTree(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

interface Use {
  readonly nanos: number;
  readonly memory: number;
  readonly inactive: number;
  readonly limit: number | undefined;
  readonly quota?: number;
  readonly processes?: readonly number[];
}

/** Files of a cgroup of version 2, by their paths. */
export function cgroup2(path: string, use: Use): Record<string, string> {
  const isRoot = path === '';
  return prefixed(path, {
    'cpu.stat': lines({
      usage_usec: use.nanos / 1e3,
      user_usec: use.nanos / 4e3,
      system_usec: (use.nanos * 3) / 4e3,
      nr_periods: 10,
      nr_throttled: 2,
      throttled_usec: 500_000,
    }),
    'memory.stat': lines({
      anon: use.memory - use.inactive - 7,
      file: use.inactive + 7,
      file_mapped: 3,
      inactive_file: use.inactive,
      pgfault: 11,
      pgmajfault: 2,
    }),
    'cgroup.procs': (use.processes ?? []).map((pid) => `${pid}\n`).join(''),
    ...(isRoot
      ? {}
      : {
          'memory.current': `${use.memory}\n`,
          'memory.max': `${use.limit ?? 'max'}\n`,
          'memory.peak': `${use.memory + 1}\n`,
          'memory.swap.current': '5\n',
          'memory.events': lines({ low: 0, high: 0, max: 6, oom: 1, oom_kill: 1 }),
          'pids.current': '4\n',
          'cpu.weight': '39\n',
          'cpu.max': `${use.quota ?? 'max'} 100000\n`,
        }),
  });
}

/** The same of version 1. */
export function cgroup1(path: string, use: Use): Record<string, string> {
  return {
    ...prefixed(join('cpuacct', path), {
      'cpuacct.usage': `${use.nanos}\n`,
      'cpuacct.stat': lines({ user: use.nanos / 4e7, system: (use.nanos * 3) / 4e7 }),
    }),
    ...prefixed(join('cpu', path), {
      'cpu.stat': lines({ nr_periods: 10, nr_throttled: 2, throttled_time: 500_000_000 }),
      'cpu.shares': '1000\n',
      'cpu.cfs_period_us': '100000\n',
      'cpu.cfs_quota_us': `${use.quota ?? -1}\n`,
    }),
    ...prefixed(join('memory', path), {
      'memory.usage_in_bytes': `${use.memory}\n`,
      'memory.limit_in_bytes': `${use.limit ?? '9223372036854771712'}\n`,
      'memory.max_usage_in_bytes': `${use.memory + 1}\n`,
      'memory.failcnt': '6\n',
      'memory.oom_control': lines({ oom_kill_disable: 0, under_oom: 0, oom_kill: 1 }),
      'memory.stat': lines({
        rss: 1,
        total_rss: use.memory - use.inactive - 7,
        total_cache: use.inactive + 7,
        total_mapped_file: 3,
        total_inactive_file: use.inactive,
        total_pgfault: 11,
        total_pgmajfault: 2,
        total_swap: 5,
      }),
      'cgroup.procs': (use.processes ?? []).map((pid) => `${pid}\n`).join(''),
    }),
    ...prefixed(join('pids', path), { 'pids.current': '4\n' }),
  };
}

/** A `/proc` of a machine with two cores, whose process 77 is in a pod's network. */
export const proc = {
  stat: 'cpu  1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 2 3 4\nbtime 1767225600\nctxt 1\n',
  meminfo: 'MemTotal:        4096 kB\nMemFree:         1024 kB\n',
  loadavg: '0.20 0.18 0.12 1/80 11206\n',
  'sys/kernel/pid_max': '32768\n',
  'sys/kernel/threads-max': '16000\n',
  '1/net/dev': '  eth1: 1000 10 0 0 0 0 0 0 2000 20 0 0 0 0 0 0\n',
  '1/net/route': 'Iface\tDestination\teth0\neth1\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\n',
  '77/net/dev': '    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0: 300 3 1 0 0 0 0 0 400 4 0 2 0 0 0 0\n',
};

function prefixed(path: string, files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [join(path, name), text]));
}

function lines(fields: Readonly<Record<string, number>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name} ${value}\n`)
    .join('');
}

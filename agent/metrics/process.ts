import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Family, MetricType } from '../../cni/index.ts';
import { readIfThere } from './cgroup-sampler.ts';

/** `process_*` as Prometheus clients tell of themselves (prometheus.io/docs/instrumenting/writing_clientlibs). */
export function processFamilies(procRoot: string): readonly Family[] {
  const self = (file: string): string => readIfThere(join(procRoot, 'self', file)) ?? '';
  const { user, system } = process.cpuUsage();
  const status = self('status');
  return [
    family('cpu_seconds_total', 'counter', 'CPU time used, in seconds.', (user + system) / 1e6),
    family('resident_memory_bytes', 'gauge', 'Resident memory in bytes.', kib(status, 'VmRSS')),
    family('virtual_memory_bytes', 'gauge', 'Virtual memory in bytes.', kib(status, 'VmSize')),
    family('open_fds', 'gauge', 'Open file descriptors.', countEntries(join(procRoot, 'self', 'fd'))),
    family('max_fds', 'gauge', 'Most file descriptors that may be open.', parseMaxFds(self('limits'))),
    family('start_time_seconds', 'gauge', 'Start of the process since unix epoch in seconds.', startedAt()),
  ];
}

function family(name: string, type: MetricType, help: string, value: number | undefined): Family {
  return { name: `process_${name}`, type, help, samples: value === undefined ? [] : [{ labels: {}, value }] };
}

function startedAt(): number {
  return Math.round(performance.timeOrigin) / 1_000;
}

function kib(status: string, field: string): number | undefined {
  const value = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  return value === undefined ? undefined : Number(value) * 1_024;
}

function parseMaxFds(limits: string): number | undefined {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

function countEntries(directory: string): number | undefined {
  try {
    return readdirSync(directory).length;
  } catch {
    return undefined;
  }
}

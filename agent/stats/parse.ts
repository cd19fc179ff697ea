import type { Amount } from './types.ts';

/** cgroup v1 writes a limit that is none as the largest number of whole pages. */
const noLimit = 2 ** 62;

/** Bytes by field of a cgroup's `memory.stat`. */
export function parseMemoryStat(text: string): ReadonlyMap<string, number> {
  const fields = text.split('\n').map((line) => line.split(' '));
  return new Map(fields.flatMap(([name, value]) => (name && value ? [[name, Number(value)] as const] : [])));
}

/** Bytes of a memory limit; undefined for none (`max`). */
export function parseLimit(text: string): number | undefined {
  const limit = Number(text.trim());
  return Number.isFinite(limit) && limit < noLimit ? limit : undefined;
}

/**
 * Memory that cannot be had back without swapping: what is used without the page cache that nobody has touched for a while
 * (cadvisor: `container/libcontainer/handler.go`, working set).
 */
export function workingSet(usage: number, inactiveFile: number): number {
  return Math.max(0, usage - inactiveFile);
}

/** Processes and threads of the whole machine, the fourth field of `/proc/loadavg`: `0.20 0.18 0.12 1/80 11206`. */
export function parseProcesses(loadavg: string): number | undefined {
  const total = /^\S+ \S+ \S+ \d+\/(\d+) /.exec(loadavg)?.[1];
  return total === undefined ? undefined : Number(total);
}

/** What is left of a capacity. Never less than nothing. */
export function amountLeft(capacity: number, used: number): Amount {
  return { capacity, available: Math.max(0, capacity - used) };
}

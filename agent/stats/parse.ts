import type { Amount } from './types.ts';

/** Processes and threads of the whole machine, the fourth field of `/proc/loadavg`: `0.20 0.18 0.12 1/80 11206`. */
export function parseProcesses(loadavg: string): number | undefined {
  const total = /^\S+ \S+ \S+ \d+\/(\d+) /.exec(loadavg)?.[1];
  return total === undefined ? undefined : Number(total);
}

/** What is left of a capacity. Never less than nothing. */
export function amountLeft(capacity: number, used: number): Amount {
  return { capacity, available: Math.max(0, capacity - used) };
}

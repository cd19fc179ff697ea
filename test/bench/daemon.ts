import { readFileSync } from 'node:fs';
import type { DaemonHandle } from '../lab/index.ts';
import { processStat } from '../lab/processes.ts';
import type { Stage } from './stage.ts';

/** A daemon that has looked at everything once. */
export async function startReady(stage: Stage): Promise<DaemonHandle> {
  const daemon = stage.host.startDaemon();
  await firstReconcile(daemon);
  return daemon;
}

export async function firstReconcile(daemon: DaemonHandle): Promise<{ readonly time: string }> {
  return daemon.waitForLog(({ msg }) => msg === 'first reconcile done', 20_000);
}

/** The daemon's own CPU time and that of its children. Linux counts in ticks of 10 ms for programs (USER_HZ). */
export function cpuMs(pid: number): number {
  const stat = processStat(pid);
  if (stat === undefined) throw new Error(`the daemon (process ${pid}) has ended`);
  return stat.cpuTicks * 10;
}

export function rssMb(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kib) * 1024) / 1e6;
}

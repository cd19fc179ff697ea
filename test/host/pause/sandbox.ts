import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program that runs as process 1 of a PID namespace of its own. */
export interface NamespacedProcess {
  /** As the host sees it. */
  readonly pid: number;
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals | null>;
  kill(): void;
}

export async function startAsInit(file: string, args: readonly string[] = []): Promise<NamespacedProcess> {
  const unshare = spawn('unshare', ['--pid', '--fork', '--mount-proc', '--kill-child', file, ...args], {
    stdio: 'inherit',
  });
  const exited = once(unshare, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals | null);
  const parent = unshare.pid ?? 0;
  const pid = await eventually(() => children(parent)[0], `${file} runs`);
  return { pid, exited, kill: () => unshare.kill('SIGKILL') };
}

/** Resolves when the process sleeps in the system call of that number: a fact of the kernel, where a delay is a guess. */
export async function untilInSyscall(pid: number, numbers: ReadonlySet<string>): Promise<void> {
  await eventually(() => numbers.has(proc(pid, 'syscall').split(' ')[0] ?? '') || undefined, `${pid} waits`);
}

export async function eventually<T>(read: () => T | undefined, what: string): Promise<T> {
  for (const end = Date.now() + 10_000; Date.now() < end; await sleep(5)) {
    const value = read();
    if (value !== undefined) return value;
  }
  throw new Error(`not reached within 10 s: ${what}`);
}

/** Children of a process, zombies too. */
export function children(pid: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((child) => /^PPid:\t(\d+)$/m.exec(proc(child, 'status'))?.[1] === String(pid));
}

export function contextSwitches(pid: number): number {
  const counts = proc(pid, 'status').matchAll(/ctxt_switches:\t(\d+)/g);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

function proc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // it is gone
  }
}

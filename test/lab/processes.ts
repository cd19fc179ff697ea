import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { namespacePath, type ProcessIdentity } from './names.ts';

/** One line of /proc/PID/stat, as far as the lab reads it (proc_pid_stat(5)). */
export interface ProcessStat {
  readonly parent: number;
  readonly startTicks: number;
  /** CPU time in clock ticks, of the process and of its children that have been waited for. */
  readonly cpuTicks: number;
}

/** Undefined when the process is gone, or killed and only not yet waited for by its parent. */
export function processStat(pid: number): ProcessStat | undefined {
  const text = readOrUndefined(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  if (text === undefined) return undefined;
  // The program's name, in parentheses, may hold spaces and parentheses; the state is the first field after it.
  const [state = '', ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if ('ZX'.includes(state)) return undefined;
  const fields = rest.map(Number);
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(10, 14);
  return { parent: fields[0] ?? 0, startTicks: fields[18] ?? 0, cpuTicks: utime + stime + cutime + cstime };
}

/** A process that runs now. For one that has ended already, an identity that is never alive. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startTicks: processStat(pid)?.startTicks ?? -1 };
}

export function isAlive({ pid, startTicks }: ProcessIdentity): boolean {
  return processStat(pid)?.startTicks === startTicks;
}

/** Also true for a zombie: killed, and not yet waited for by its parent. */
export function isInProcessTable({ pid }: ProcessIdentity): boolean {
  return existsSync(`/proc/${pid}`);
}

/**
 * The processes that belong to test hosts: those in a network namespace of `namespaces` (dockerd, containerd, its shims,
 * podwright), those whose root file system lies under `directory` (containers), and the descendants of both.
 */
export function processesOf(directory: string, namespaces: readonly string[]): readonly number[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const inodes = new Set(namespaces.flatMap((name) => readOrUndefined(() => statSync(namespacePath(name)).ino) ?? []));
  const roots = pids.filter((pid) => inNamespace(pid, inodes) || isContainer(pid, directory));
  return withDescendants(roots, pids);
}

function inNamespace(pid: number, inodes: ReadonlySet<number>): boolean {
  const link = readOrUndefined(() => readlinkSync(`/proc/${pid}/ns/net`)) ?? '';
  return inodes.has(Number(/\[(\d+)\]/.exec(link)?.[1]));
}

/** The overlay on a container's `/` names its layers' directories among the mount's options. */
function isContainer(pid: number, directory: string): boolean {
  const mounts = readOrUndefined(() => readFileSync(`/proc/${pid}/mountinfo`, 'utf8')) ?? '';
  const rootMount = mounts.split('\n').find((line) => line.split(' ')[4] === '/');
  return rootMount?.includes(`${directory}/`) ?? false;
}

function withDescendants(roots: readonly number[], pids: readonly number[]): readonly number[] {
  const parents = pids.map((pid) => ({ pid, parent: processStat(pid)?.parent }));
  const found = new Set(roots);
  for (let size = 0; size !== found.size;) {
    size = found.size;
    for (const { pid, parent } of parents) if (parent !== undefined && found.has(parent)) found.add(pid);
  }
  return [...found];
}

/** Processes come and go while /proc is read: what is gone has no answer. */
function readOrUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

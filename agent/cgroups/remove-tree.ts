import { readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import type { Clock } from '../clock.ts';
import { writeCgroupFile } from './files.ts';

/** A killed process leaves its cgroup when the kernel is done with it, within milliseconds as a rule. */
const retryEveryMs = 20;
const giveUpAfterMs = 5_000;
/** ENODEV: it went while it was read. EROFS: nothing can ever have been made there. */
const gone: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ENODEV', 'EROFS']);

/**
 * Removes a cgroup and those below it. Processes that are left in it are killed first (kubelet: `Destroy`,
 * pkg/kubelet/cm/pod_container_manager_linux.go). A cgroup that is not there is removed already.
 *
 * @param directory of one hierarchy, e.g. `/sys/fs/cgroup/cpu/kubepods/pod<uid>`
 * @throws when something is left in it after five seconds
 */
export async function removeCgroupTree(directory: string, clock: Clock, signal: AbortSignal): Promise<void> {
  // As a rule the runtime has left it empty.
  if (await isRemoved(rmdir(directory))) return;
  const deadline = clock.now() + giveUpAfterMs;
  for (;;) {
    await killProcesses(directory);
    if (await isRemoved(removeDirectories(directory))) return;
    if (clock.now() >= deadline) throw new Error(`cannot remove cgroup ${directory}: it is still in use`);
    await clock.sleep(retryEveryMs, signal);
  }
}

/** @returns false when the cgroup is busy: it has processes or children */
async function isRemoved(removal: Promise<void>): Promise<boolean> {
  try {
    await removal.catch(ignoreMissing);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EBUSY') return false;
    throw error;
  }
}

async function removeDirectories(directory: string): Promise<void> {
  for (const child of await childrenOf(directory)) await removeDirectories(child);
  await rmdir(directory).catch(ignoreMissing);
}

async function killProcesses(directory: string): Promise<void> {
  for (const child of await childrenOf(directory)) await killProcesses(child);
  const procs = await readFile(join(directory, 'cgroup.procs'), 'utf8').catch(ignoreMissing);
  // A process of another PID namespace reads as 0, which kill(2) would take for this process's own group.
  const pids = (procs ?? '')
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 1 && pid !== process.pid);
  if (pids.length === 0) return;
  // On cgroup v1 a frozen process does not die before it is thawed.
  await writeCgroupFile(join(directory, 'freezer.state'), 'THAWED').catch(() => undefined);
  for (const pid of pids) kill(pid);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

async function childrenOf(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(ignoreMissing);
  return (entries ?? []).filter((entry) => entry.isDirectory()).map((entry) => join(directory, entry.name));
}

/** For `catch`: passes over what a cgroup that is not there makes of every access. */
export function ignoreMissing(error: unknown): undefined {
  const code = errorCode(error);
  if (!gone.has(code ?? '')) throw error;
  return undefined;
}

import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../../../cni/index.ts';
import type { DockerClient } from './api.ts';
import { killPlan, parseStat, type ProcessStat } from './process-tree.ts';

const pollMs = 50;
const maxPolls = 40;

/**
 * Kills a command that was started in a container, with all that it started. Docker has no call for that (k/k#110070), so
 * it is done by signals, from the host. Resolves when nothing of it is left to kill.
 *
 * @throws when Docker does not tell the command's process, or the processes cannot be seen or killed
 */
export async function killExec(
  client: DockerClient,
  containerId: string,
  execId: string,
  signal: AbortSignal,
): Promise<void> {
  const pid = await startedPid(client, execId, signal);
  if (pid === 0) return;
  const killed = new Set<string>();
  // Who is killed cannot fork any more; a child that was forked while the list was read is on the next list.
  for (;;) {
    signal.throwIfAborted();
    const victims = killPlan(await processes(), pid).filter((victim) => !killed.has(identityOf(victim)));
    const ours = await filterInContainer(victims, containerId);
    if (ours.length === 0) return;
    for (const victim of ours) {
      kill(victim.pid);
      killed.add(identityOf(victim));
    }
  }
}

/** A process ID is used again some time; with the start time it is unique. */
const identityOf = ({ pid, startTime }: ProcessStat): string => `${pid} ${startTime}`;

/** The process that Docker started, also when the start is still under way; 0 when it never ran. */
async function startedPid(client: DockerClient, execId: string, signal: AbortSignal): Promise<number> {
  for (let poll = 0; poll < maxPolls; poll += 1) {
    const { Pid, ExitCode } = await client.inspectExec(execId, signal);
    if (Pid !== 0 || ExitCode !== null) return Pid;
    await sleep(pollMs, undefined, { signal });
  }
  return 0;
}

async function processes(): Promise<readonly ProcessStat[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(names.map((name) => readProc(`/proc/${name}/stat`)));
  return stats.flatMap((text) => parseStat(text) ?? []);
}

/** Guards against a process ID that was used again: whoever has it now is in another cgroup. */
async function filterInContainer(victims: readonly ProcessStat[], containerId: string): Promise<ProcessStat[]> {
  const cgroups = await Promise.all(victims.map(({ pid }) => readProc(`/proc/${pid}/cgroup`)));
  return victims.filter((_, index) => cgroups[index]?.includes(containerId));
}

async function readProc(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ESRCH') return ''; // the process has ended
    throw error;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

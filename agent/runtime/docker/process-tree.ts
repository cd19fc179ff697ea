/** A process as `/proc/<pid>/stat` tells of it (proc_pid_stat(5)). */
export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** Clock ticks since boot. */
  readonly startTime: string;
}

/** Reads a line of `/proc/<pid>/stat`; undefined for a process that is dead, and for anything else. */
export function parseStat(text: string): ProcessStat | undefined {
  // The name is in parentheses and may hold any byte, `)` and spaces too: the last `)` ends it.
  const end = text.lastIndexOf(')');
  const pid = Number.parseInt(text, 10);
  const [state, parent, , session, ...rest] = text
    .slice(end + 1)
    .trim()
    .split(' ');
  const startTime = rest[15];
  if (end < 0 || !(pid > 0) || startTime === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, parent: Number(parent), session: Number(session), startTime };
}

/**
 * Whom to kill so that nothing of a command is left: itself, the members of the session that it leads (a process whose
 * parent has ended is found only by its session), and all their descendants.
 *
 * @param leader process ID of the command, which is its session's ID too: runc calls setsid(2) for it
 */
export function killPlan(processes: readonly ProcessStat[], leader: number): readonly ProcessStat[] {
  const chosen = new Set(processes.filter(({ pid, session }) => pid === leader || session === leader));
  const pids = new Set([...chosen].map(({ pid }) => pid));
  // Each round takes in one more generation.
  for (let before = -1; before !== chosen.size;) {
    before = chosen.size;
    for (const candidate of processes) {
      if (!pids.has(candidate.parent)) continue;
      chosen.add(candidate);
      pids.add(candidate.pid);
    }
  }
  return [...chosen];
}

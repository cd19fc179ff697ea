import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { enterArgs, type HostNamespaces } from './names.ts';
import { tail, type LogLine } from './tail.ts';
import { until } from './wait.ts';

/** The built CLI: `npm run build` makes it. */
export const podwrightProgram = fileURLToPath(new URL('../../dist/podwright.js', import.meta.url));

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A podwright daemon that runs on a test host. */
export interface DaemonHandle {
  readonly pid: number;
  /** All that it has logged so far. */
  log(): readonly LogLine[];
  waitForLog(predicate: (line: LogLine) => boolean, deadlineMs?: number): Promise<LogLine>;
  /** Sends SIGTERM and waits for the end. */
  stop(deadlineMs?: number): Promise<ProcessExit>;
  /** Sends SIGKILL and waits for the end. */
  kill9(): Promise<ProcessExit>;
  waitExit(deadlineMs?: number): Promise<ProcessExit>;
  /** Whether it runs, and the end of its log: for error messages. */
  describe(): string;
}

export interface DaemonCommand {
  readonly host: HostNamespaces;
  /** The CLI. */
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
}

/** Starts the daemon with its output in `logFile`, which is there also after a crash of the test. */
export function spawnDaemon({ host, program, args, env, logFile }: DaemonCommand): DaemonHandle {
  const output = openSync(logFile, 'a');
  const command = [...enterArgs(host), process.execPath, program, ...args];
  const child = spawn('nsenter', command, {
    stdio: ['ignore', output, output],
    env: { ...process.env, ...env },
    detached: true, // Ctrl-C ends the tests first; the lab then ends the daemon
  });
  closeSync(output);
  return daemonHandle(child, tail(logFile));
}

function daemonHandle(child: ChildProcess, log: () => readonly LogLine[]): DaemonHandle {
  const explain = (): string => {
    const exit = exitOf(child);
    const state = exit === undefined ? 'the daemon runs' : `the daemon exited with ${exit.code ?? exit.signal}`;
    return `${state}; the end of its log:\n${lastLines(log())}`;
  };
  const waitExit = async (deadlineMs = 20_000): Promise<ProcessExit> =>
    until('the daemon to exit', deadlineMs, () => exitOf(child), { explain });
  const end = async (signal: NodeJS.Signals, deadlineMs?: number): Promise<ProcessExit> => {
    child.kill(signal);
    return waitExit(deadlineMs);
  };
  return {
    pid: child.pid ?? 0,
    log,
    waitForLog: async (predicate, deadlineMs = 10_000) =>
      until('a line in the log', deadlineMs, () => log().find(predicate), { explain }),
    stop: async (deadlineMs) => end('SIGTERM', deadlineMs),
    kill9: async () => end('SIGKILL'),
    waitExit,
    describe: explain,
  };
}

function exitOf({ exitCode, signalCode }: ChildProcess): ProcessExit | undefined {
  return exitCode === null && signalCode === null ? undefined : { code: exitCode, signal: signalCode };
}

/** The end of a log, for error messages. */
function lastLines(lines: readonly LogLine[], count = 20): string {
  return lines
    .slice(-count)
    .map((line) => JSON.stringify(line))
    .join('\n');
}

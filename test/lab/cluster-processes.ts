import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { namespacePath, type ProcessIdentity } from './names.ts';
import { identify, isAlive, isInProcessTable } from './processes.ts';
import { until } from './wait.ts';

/** A program of the control plane that can be stopped and started again with the same arguments. */
export interface ClusterProcess {
  readonly logFile: string;
  /** Does nothing while it runs. */
  readonly start: () => void;
  /** Sends the signal and waits for the end. Does nothing when it does not run. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>;
  readonly isRunning: () => boolean;
  /** Whether it runs, and the end of its log: for error messages. */
  readonly describe: () => string;
}

export interface ClusterCommand {
  readonly netns: string;
  readonly file: string;
  /** Flags without the dashes; `undefined` leaves one out. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  readonly extraArgs: readonly string[];
  readonly logFile: string;
}

/** Output goes to `logFile`, which all starts share. The lab's removal kills what still runs, by its namespace. */
export function clusterProcess(command: ClusterCommand): ClusterProcess {
  const { file, logFile } = command;
  let running: ProcessIdentity | undefined;
  const isRunning = (): boolean => running !== undefined && isAlive(running);
  const describe = (): string =>
    `${file} ${isRunning() ? 'runs' : 'does not run'}; the end of ${logFile}:\n${endOf(logFile)}`;
  return {
    logFile,
    isRunning,
    describe,
    start: () => {
      if (!isRunning()) running = launch(command);
    },
    stop: async (signal = 'SIGKILL') => {
      if (running === undefined || !isAlive(running)) return;
      const ended = running;
      process.kill(ended.pid, signal);
      await until(`${file} to end after ${signal}`, 120_000, () => !isInProcessTable(ended), { explain: describe });
    },
  };
}

function launch({ netns, file, flags, extraArgs, logFile }: ClusterCommand): ProcessIdentity {
  const args = Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]));
  const log = openSync(logFile, 'a');
  const child = spawn('nsenter', [`--net=${namespacePath(netns)}`, file, ...args, ...extraArgs], {
    stdio: ['ignore', log, log],
    env: { PATH: process.env['PATH'] }, // no proxy: it is on the way out of the machine, and the lab has none
    detached: true, // Ctrl-C ends the tests first; the lab then ends the control plane
  });
  closeSync(log);
  child.on('error', () => undefined); // seen by who waits for an answer: there is no such process
  child.unref();
  return identify(child.pid ?? 0);
}

function endOf(logFile: string): string {
  return existsSync(logFile) ? readFileSync(logFile, 'utf8').slice(-4_000) : '(no log)';
}

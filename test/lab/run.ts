import { mkdirSync } from 'node:fs';
import { bridgeNamespace, runDirectory, runIdOf } from './names.ts';
import { createBridge } from './network.ts';
import { identify } from './processes.ts';
import { removeRun, sweepDeadRuns } from './teardown.ts';

/** The run that this process owns. */
export interface Run {
  readonly id: string;
  /** Number of the next test host; never used twice in a run. */
  nextIndex(): number;
  /** Removes the run when its last host has gone. */
  release(): void;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

let current: Promise<Run> | undefined;
let hosts = 0;
let lastIndex = 0;

/** Opens the run of this process, or takes another share in it. Sweeps away what killed processes left behind. */
export async function openRun(): Promise<Run> {
  hosts += 1;
  current ??= start();
  return current;
}

async function start(): Promise<Run> {
  if (process.getuid?.() !== 0) throw new Error('the lab makes network namespaces and mounts: run it as root');
  sweepDeadRuns();
  const id = runIdOf(identify(process.pid));
  removeOnExit(id);
  mkdirSync(runDirectory(id), { recursive: true, mode: 0o700 });
  await createBridge(bridgeNamespace(id));
  return { id, nextIndex: () => (lastIndex += 1), release: () => release(id) };
}

function release(id: string): void {
  hosts -= 1;
  if (hosts > 0) return;
  current = undefined;
  removeRun(id);
}

let handlersInstalled = false;

function removeOnExit(id: string): void {
  if (handlersInstalled) return;
  handlersInstalled = true;
  process.on('exit', () => removeRun(id));
  for (const signal of signals) {
    process.once(signal, () => {
      removeRun(id);
      process.kill(process.pid, signal);
    });
  }
}

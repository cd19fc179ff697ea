import { access, chmod, realpath, rmdir, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { exec, type Exec, ExecFailure, readIfThere, writeFileAtomic } from '../../cni/index.ts';
import type { HostFacts, Step } from './plan.ts';
import { criSocketUnit, unitName } from './unit-render.ts';

/** The directory that systemd makes when it is PID 1 (`sd_booted(3)`). */
const systemdDirectory = '/run/systemd/system';

export async function hasSystemd(): Promise<boolean> {
  return exists(systemdDirectory);
}

/** Looks at this host; changes nothing. */
export async function gatherHost(paths: readonly string[], signal: AbortSignal): Promise<HostFacts> {
  const isBooted = await hasSystemd();
  const [isKubeletActive, isCriDockerdActive, isActive, isEnabled] = isBooted
    ? await Promise.all([
        isSo('is-active', 'kubelet.service', signal),
        isSo('is-active', 'cri-docker.socket', signal),
        isSo('is-active', unitName, signal),
        isSo('is-enabled', unitName, signal),
      ])
    : [false, false, false, false];
  const contents = await Promise.all(paths.map(async (path) => [path, await readIfThere(path)] as const));
  return {
    uid: process.getuid?.() ?? 0,
    hasSystemd: isBooted,
    isKubeletActive,
    isCriDockerdActive,
    service: { isActive, isEnabled },
    files: new Map(contents.flatMap(([path, text]) => (text === undefined ? [] : [[path, text] as const]))),
  };
}

/** Node.js, and podwright's entry point: the link in a `bin` directory where it was started by one, which survives upgrades. */
export async function ownProgram(): Promise<{ readonly node: string; readonly program: string }> {
  const program = resolve(process.argv[1] ?? '');
  await realpath(program);
  return { node: process.execPath, program };
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** systemctl says no by its exit code. */
export async function isSo(question: 'is-active' | 'is-enabled', unit: string, signal: AbortSignal): Promise<boolean> {
  try {
    const { stdout } = await exec({ file: 'systemctl', args: [question, unit] }, signal);
    return stdout.trim() !== 'alias' && stdout.trim() !== 'static';
  } catch (error) {
    if (error instanceof ExecFailure && error.exitCode !== undefined) return false;
    throw error;
  }
}

type Act<Name extends Step['do']> = (step: Extract<Step, { readonly do: Name }>, signal: AbortSignal) => Promise<void>;

/** The daemon stops within seconds; systemd gives it thirty. */
const stopTimeoutMs = 60_000;

const systemctl = (...args: readonly string[]) => {
  return async (_: unknown, signal: AbortSignal): Promise<void> => {
    await exec({ file: 'systemctl', args, timeoutMs: stopTimeoutMs }, signal);
  };
};

const acts: { readonly [Name in Step['do']]: Act<Name> } = {
  write: async ({ path, content }) => {
    await writeFileAtomic(path, content);
    await chmod(path, 0o644); // Whatever the umask is: units are for everybody to read.
  },
  remove: async ({ path }) => {
    await unlink(path);
    // The drop-in's own directory, when the user has no other there.
    if (dirname(path).endsWith('.d')) await rmdir(dirname(path)).catch(() => undefined);
  },
  tell: () => Promise.resolve(),
  reload: systemctl('daemon-reload'),
  enable: systemctl('enable', '--quiet', unitName),
  // The start takes as long as Docker needs to answer: it is followed by `waitForService`.
  start: systemctl('start', '--no-block', unitName),
  restart: systemctl('restart', '--no-block', unitName),
  stop: systemctl('disable', '--quiet', '--now', unitName),
  listen: systemctl('enable', '--quiet', '--now', criSocketUnit),
  // It takes the service with it, which requires it.
  unlisten: systemctl('disable', '--quiet', '--now', criSocketUnit),
};

export async function act(step: Step, signal: AbortSignal): Promise<void> {
  await (acts[step.do] as (step: Step, signal: AbortSignal) => Promise<void>)(step, signal);
}

/** What systemd says of the service (`systemctl show`). */
export interface ServiceState {
  readonly active: string;
  readonly sub: string;
  /** What the daemon says it is about, by sd_notify(3). */
  readonly text: string;
  /** Whether it has failed at least once since it was started by hand. */
  readonly hasFailed: boolean;
}

export async function serviceState(run: Exec, signal: AbortSignal): Promise<ServiceState> {
  const properties = ['ActiveState', 'SubState', 'StatusText', 'NRestarts'];
  const { stdout } = await run(
    { file: 'systemctl', args: ['show', unitName, ...properties.map((name) => `-p${name}`)] },
    signal,
  );
  const values = new Map(
    stdout.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const active = values.get('ActiveState') ?? '';
  return {
    active,
    sub: values.get('SubState') ?? '',
    text: values.get('StatusText') ?? '',
    hasFailed: active === 'failed' || Number(values.get('NRestarts') ?? 0) > 0,
  };
}

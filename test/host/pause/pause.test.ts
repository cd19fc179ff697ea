import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PauseArchitecture, pauseBinaries } from '../../../agent/images/pause/archive.ts';
import {
  children,
  contextSwitches,
  eventually,
  type NamespacedProcess,
  startAsInit,
  untilInSyscall,
} from './sandbox.ts';

const sources = new URL('../../../agent/images/pause/', import.meta.url).pathname;
const committed = (arch: PauseArchitecture): string => join(sources, pauseBinaries[arch]);
const native = process.arch === 'arm64' ? 'arm64' : 'amd64';
const ORPHANS = 100;

/** rt_sigtimedwait on this machine: where pause sleeps. */
const waiting = new Set([native === 'arm64' ? '137' : '128']);

/** Commands that run as processes of the namespace, for `nsenter`. */
const dieAfterParent = `for i in $(seq ${ORPHANS}); do (sleep 0.05 &) ; done`;
const dieBeforeParent = `fork or exit for 1..${ORPHANS}; select undef, undef, undef, 0.1`;

describe('committed binaries', () => {
  const compilers = { amd64: 'x86_64-linux-gnu-gcc', arm64: 'aarch64-linux-gnu-gcc' } as const;

  it.for(['amd64', 'arm64'] as const)('%s is what build.sh makes of the source', (arch, { skip }) => {
    const version = spawnSync(compilers[arch], ['-dumpfullversion'], { encoding: 'utf8' }).stdout?.trim();
    const problem = compilerProblem(compilers[arch], version);
    if (problem !== undefined && process.env.CI !== undefined) throw new Error(problem);
    if (problem !== undefined) skip(problem);
    const output = mkdtempSync(join(tmpdir(), 'pause-'));
    try {
      execFileSync(join(sources, 'build.sh'), [output, arch]);
      expect(readFileSync(join(output, `pause-${arch}`)).equals(readFileSync(committed(arch)))).toBe(true);
    } finally {
      rmSync(output, { recursive: true });
    }
  });

  it.for(['amd64', 'arm64'] as const)('%s is small, and has one segment, that is not writable', (arch) => {
    expect(statSync(committed(arch)).size).toBeLessThan(16 * 1024);
    expect(programHeaders(readFileSync(committed(arch)))).toEqual([
      { type: 'LOAD', flags: 'rx' },
      { type: 'GNU_STACK', flags: 'rw' },
    ]);
  });
});

describe('as process 1 of a PID namespace', () => {
  let pause: NamespacedProcess;

  beforeEach(async () => {
    pause = await startAsInit(committed(native));
    await untilInSyscall(pause.pid, waiting);
  });
  afterEach(() => pause.kill());

  it.each(['SIGTERM', 'SIGINT'] as const)('%s ends it with exit code 0', async (signal) => {
    process.kill(pause.pid, signal);
    expect(await pause.exited).toBe(0);
  });

  it('ends on SIGTERM from a process of the namespace', async () => {
    // Not run(): the end of process 1 may kill the shell before it exits.
    spawnSync('nsenter', [...namespacesOf(pause.pid), 'sh', '-c', 'kill -TERM 1']);
    expect(await pause.exited).toBe(0);
  });

  it.each([
    ['that die after their parent', ['sh', '-c', dieAfterParent]],
    ['that are dead when they are inherited', ['perl', '-e', dieBeforeParent]],
  ])(`reaps ${ORPHANS} orphans %s, without waking up`, async (_, command) => {
    const before = contextSwitches(pause.pid);
    run(pause.pid, ...command);
    await eventually(() => children(pause.pid).length === 0 || undefined, 'no orphan is left');
    expect(contextSwitches(pause.pid)).toBe(before);
  });

  it('is not even woken by a storm of signals that are not for it', async () => {
    const before = contextSwitches(pause.pid);
    for (let i = 0; i < 1000; i += 1) {
      for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGCHLD', 'SIGPIPE', 'SIGQUIT'] as const) {
        process.kill(pause.pid, signal);
      }
    }
    await untilInSyscall(pause.pid, waiting);
    expect(contextSwitches(pause.pid)).toBe(before);
    process.kill(pause.pid, 'SIGTERM');
    expect(await pause.exited).toBe(0);
  });

  it('goes on after a stop and continue', async () => {
    process.kill(pause.pid, 'SIGSTOP');
    process.kill(pause.pid, 'SIGCONT');
    await untilInSyscall(pause.pid, waiting);
    process.kill(pause.pid, 'SIGTERM');
    expect(await pause.exited).toBe(0);
  });
});

it('the test sees zombies when process 1 does not reap', async () => {
  const lazy = await startAsInit('sleep', ['infinity']);
  try {
    run(lazy.pid, 'perl', '-e', dieBeforeParent);
    await eventually(() => children(lazy.pid).length === ORPHANS || undefined, `${ORPHANS} zombies`);
  } finally {
    lazy.kill();
  }
});

it.for(['SIGTERM', 'SIGINT'] as const)(
  'arm64 under emulation: %s ends it with exit code 0',
  async (signal, { skip }) => {
    const emulator = 'qemu-aarch64-static';
    const missing = spawnSync(emulator, ['--version']).error !== undefined;
    if (missing && process.env.CI === undefined) skip(`${emulator} is not installed: apt-get install qemu-user-static`);
    const pause = await startAsInit(emulator, [committed('arm64')]);
    try {
      await untilInSyscall(pause.pid, waiting);
      process.kill(pause.pid, signal);
      expect(await pause.exited).toBe(0);
    } finally {
      pause.kill();
    }
  },
);

/** Runs a command as a process of the namespaces of `pid`, and waits for it. */
function run(pid: number, ...command: readonly string[]): void {
  execFileSync('nsenter', [...namespacesOf(pid), ...command]);
}

function namespacesOf(pid: number): readonly string[] {
  return ['--target', String(pid), '--pid', '--mount'];
}

function compilerProblem(compiler: string, version: string | undefined): string | undefined {
  if (version === undefined || version === '') {
    return `${compiler} is not installed: apt-get install gcc gcc-aarch64-linux-gnu`;
  }
  return version.startsWith('12.2.') ? undefined : `${compiler} is ${version}, the binaries are from Debian 12's 12.2`;
}

/** Program headers of a 64-bit little-endian ELF file (elf(5)). */
function programHeaders(elf: Buffer): readonly { readonly type: string; readonly flags: string }[] {
  const types: Readonly<Record<number, string>> = { 1: 'LOAD', 0x6474e551: 'GNU_STACK' };
  const [start, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  return Array.from({ length: count }, (_, index) => {
    const flags = elf.readUInt32LE(start + index * size + 4);
    const text = `${flags & 4 ? 'r' : ''}${flags & 2 ? 'w' : ''}${flags & 1 ? 'x' : ''}`;
    return { type: types[elf.readUInt32LE(start + index * size)] ?? 'other', flags: text };
  });
}

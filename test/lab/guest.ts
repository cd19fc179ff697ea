import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { ExecaError } from 'execa';
import { type Exec, ExecFailure, type ExecRequest } from '../../cni/util/exec.ts';
import { buildGuestImage } from './guest-image.ts';
import { namespacePath } from './names.ts';

/** What a command in a guest came to. */
export interface GuestResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A virtual machine for what the kernel of the tests lacks, such as IPVS. Its programs are those of this machine (busybox, ip,
 * ipvsadm, ipset, iptables), its kernel is Debian's. It has no network but what is made in it,
 * unless it is plugged into the network between the hosts of a run.
 */
export interface Guest {
  /** Runs a shell script, one at a time; it is killed when its time is over. What it leaves in the background goes on, and must not hold its stdout. */
  run(script: string, timeoutMs?: number): Promise<GuestResult>;
  /** Like {@link run}; rejects unless it exits with 0. */
  check(script: string): Promise<string>;
  /** Runs programs in the guest, in a network namespace of it when one is named. */
  exec(namespace?: string): Exec;
  /** Resolves when it has powered itself off. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

const QEMU = 'qemu-system-x86_64';

const BOOT_TIMEOUT_MS = 300_000;

/** Most scripts take a tenth of a second, on a machine that is not busy. */
const RUN_TIMEOUT_MS = 60_000;

/** For the way there and back, beyond the time that a script may take. */
const ANSWER_TIMEOUT_MS = 15_000;

/** Why no guest can be started here; undefined when one can. */
export const guestProblem = process.arch === 'x64' ? undefined : 'test guests need an x86-64 machine';

/** Boots a guest: some seconds under emulation. */
export async function startGuest(): Promise<Guest> {
  const { kernel, initrd } = buildGuestImage();
  const append = 'console=ttyS0 quiet panic=-1 tsc=unstable';
  return bootMachine(['-kernel', kernel, '-initrd', initrd, '-m', '256', '-append', append]);
}

/**
 * Boots a virtual machine, and waits for what answers requests in it (guest-init.sh) on the virtio port `talk`.
 *
 * @param args of QEMU: kernel, memory, disks
 * @param netns network namespace for QEMU; its network devices are there
 */
export async function bootMachine(args: readonly string[], netns?: string): Promise<Guest> {
  const directory = mkdtempSync(join(tmpdir(), 'pw-guest-'));
  const socketPath = join(directory, 'talk');
  const server = createServer().listen(socketPath);
  await once(server, 'listening');
  const [file, command] = netns === undefined ? [QEMU, []] : ['nsenter', [`--net=${namespacePath(netns)}`, QEMU]];
  const child = spawn(
    file,
    [
      ...command,
      ...args,
      ...['-nodefaults', '-no-user-config', '-nographic', '-no-reboot'],
      ...['-serial', `file:${join(directory, 'console')}`, '-device', 'virtio-serial-pci'],
      ...['-chardev', `socket,id=talk,path=${socketPath}`, '-device', 'virtserialport,chardev=talk,nr=1,name=talk'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const kill = (): void => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', kill);
  const ended = once(child, 'exit').then((): void => undefined);
  let complaint = '';
  child.stderr.on('data', (data) => (complaint += String(data)));
  const stop = async (): Promise<void> => {
    process.removeListener('exit', kill);
    kill();
    server.close();
    await ended;
  };
  try {
    const gone = ended.then(() =>
      Promise.reject(new Error(`the guest has ended: ${complaint}${tail(join(directory, 'console'))}`)),
    );
    gone.catch(() => undefined);
    const [socket] = (await within(BOOT_TIMEOUT_MS, 'boot', Promise.race([once(server, 'connection'), gone]))) as [
      Socket,
    ];
    const talk = createTalk(socket, gone);
    await within(BOOT_TIMEOUT_MS, 'boot', talk.ready);
    return createGuest(talk, stop, ended);
  } catch (error) {
    const said = tail(join(directory, 'console'));
    await stop();
    throw new Error(`the guest does not come up; its console:\n${said}`, { cause: error });
  }
}

/** The last lines that the kernel of a guest said. */
function tail(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(-30).join('\n') : '';
}

interface Talk {
  readonly ready: Promise<void>;
  ask(script: string, timeoutMs: number): Promise<GuestResult>;
}

function createTalk(socket: Socket, gone: Promise<never>): Talk {
  const lines = createInterface({ input: socket });
  socket.on('error', () => undefined);
  const next = lineReader(lines, gone);
  const block = async (): Promise<string> => {
    const parts: string[] = [];
    for (let line = await next(); line !== '.'; line = await next()) parts.push(line);
    return Buffer.from(parts.join(''), 'base64').toString('utf8');
  };
  return {
    ready: next().then(() => undefined),
    ask: async (script, timeoutMs) => {
      const encoded =
        Buffer.from(script)
          .toString('base64')
          .match(/.{1,76}/g) ?? [];
      socket.write(`${[Math.ceil(timeoutMs / 1_000), ...encoded, '.'].join('\n')}\n`);
      return { exitCode: Number(await next()), stdout: await block(), stderr: await block() };
    },
  };
}

/** Lines in their order, also those that come before they are asked for. */
function lineReader(lines: Interface, gone: Promise<never>): () => Promise<string> {
  const come: string[] = [];
  let waiting: ((line: string) => void) | undefined;
  lines.on('line', (line) => {
    if (waiting === undefined) come.push(line);
    else waiting(line);
    waiting = undefined;
  });
  return () => {
    const line = come.shift();
    if (line !== undefined) return Promise.resolve(line);
    return Promise.race([new Promise<string>((resolve) => (waiting = resolve)), gone]);
  };
}

function createGuest(talk: Talk, stop: () => Promise<void>, ended: Promise<void>): Guest {
  let last: Promise<unknown> = Promise.resolve();
  const run: Guest['run'] = (script, timeoutMs = RUN_TIMEOUT_MS) => {
    const result = last.then(() =>
      within(timeoutMs + ANSWER_TIMEOUT_MS, `run ${script.slice(0, 200)}`, talk.ask(script, timeoutMs)),
    );
    last = result.catch(() => undefined);
    return result;
  };
  return {
    run,
    check: async (script) => {
      const { exitCode, stdout, stderr } = await run(script);
      if (exitCode !== 0) throw new Error(`${script}: exit code ${exitCode}: ${stderr}`);
      return stdout;
    },
    exec: (namespace) => async (request) => {
      const enter = namespace === undefined ? [] : ['nsenter', `--net=/run/netns/${namespace}`];
      // Busybox prefers its own, small ip. Its nsenter takes a fourth of the time of `ip netns exec`, which mounts things, too.
      const file = request.file === 'ip' ? '/opt/bin/ip' : request.file;
      const command = [...enter, file, ...request.args].map(quote).join(' ');
      const { exitCode, stdout, stderr } = await run(
        request.input === undefined ? command : `${decoded(request.input)} | ${command}`,
      );
      if (exitCode !== 0) throw failure(request, { exitCode, stdout, stderr });
      return { stdout, stderr };
    },
    ended,
    stop,
  };
}

/** The same failure as if the program had run here. */
function failure(request: ExecRequest, { exitCode, stdout, stderr }: GuestResult): ExecFailure {
  const facts = { exitCode, stdout, stderr, timedOut: false, shortMessage: `exit code ${exitCode}` };
  const code = exitCode === 127 ? { code: 'ENOENT' } : {};
  return new ExecFailure(request, Object.assign(new Error(facts.shortMessage), facts, code) as unknown as ExecaError);
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const decoded = (text: string): string => `echo ${Buffer.from(text).toString('base64')} | base64 -d`;

async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the guest did not ${what} within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

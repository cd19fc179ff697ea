import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { type Exec, writeFileAtomic } from '../../cni/index.ts';
import type { Clock } from '../clock.ts';
import { delayMarker, delayPath, parseDelay, parseSignal, renderDelay } from './logind-render.ts';

/*
 * logind by systemd's own programs. The lock is a file descriptor that comes over D-Bus, which no library in pure JavaScript can
 * receive: Node.js has no way to take descriptors from a socket. `systemd-inhibit` holds it for a `cat` that reads from this
 * process, and so lets go of it when this process ends, however it ends. The signal comes from `busctl monitor`, which the kernel
 * ends with this process.
 */

/** The part of systemd-logind that the daemon speaks to. */
export interface Logind {
  /** Has the host wait for at least as many seconds for who holds a lock. */
  ensureDelay(seconds: number, signal: AbortSignal): Promise<void>;
  /** Takes a lock that delays a shutdown. */
  inhibit(signal: AbortSignal): Promise<InhibitLock>;
  /** Tells each time that the host begins to shut down (true), or goes on after all (false). Ends when logind cannot be heard. */
  watch(signal: AbortSignal): AsyncIterable<boolean>;
}

export interface InhibitLock {
  release(): void;
}

const manager = ['org.freedesktop.login1', '/org/freedesktop/login1', 'org.freedesktop.login1.Manager'];
const match = "type='signal',interface='org.freedesktop.login1.Manager',member='PrepareForShutdown'";
const reloadMs = 10_000;
const pollMs = 200;

export function createLogind(exec: Exec, clock: Clock): Logind {
  const currentDelay = async (signal: AbortSignal): Promise<number> => {
    const args = ['get-property', ...manager, 'InhibitDelayMaxUSec'];
    const { stdout } = await exec({ file: 'busctl', args }, signal);
    const seconds = parseDelay(stdout);
    if (seconds === undefined) throw new Error(`logind has no InhibitDelayMaxUSec: ${stdout.trim()}`);
    return seconds;
  };
  return {
    ensureDelay: async (seconds, signal) => {
      if ((await currentDelay(signal)) >= seconds) return;
      await writeFileAtomic(delayPath, renderDelay(seconds));
      await exec({ file: 'systemctl', args: ['kill', '--signal=HUP', 'systemd-logind.service'] }, signal);
      for (const end = clock.now() + reloadMs; (await currentDelay(signal)) < seconds;) {
        if (clock.now() >= end) throw new Error(`logind does not take InhibitDelayMaxSec=${seconds} from ${delayPath}`);
        await clock.sleep(pollMs, signal);
      }
    },
    inhibit: takeLock,
    watch,
  };
}

/** Whether a daemon on this host has made the file that makes logind wait. */
export async function hasOwnDelay(): Promise<boolean> {
  return readFile(delayPath, 'utf8').then(
    (text) => text.startsWith(delayMarker),
    () => false,
  );
}

const inhibitArgs = ['--what=shutdown', '--mode=delay', '--who=podwright', '--why=Pods need time to end', 'cat'];

/** The lock is held when `cat` runs, which says back what it hears. */
async function takeLock(signal: AbortSignal): Promise<InhibitLock> {
  const child = spawn('systemd-inhibit', inhibitArgs, { stdio: ['pipe', 'pipe', 'pipe'] });
  const release = (): void => void child.stdin.end();
  child.stdin.on('error', () => undefined);
  child.stdin.write('held\n');
  let complaint = '';
  child.stderr.on('data', (data) => (complaint += String(data)));
  const ended = once(child, 'exit').then(() => {
    throw new Error(`systemd-inhibit takes no lock: ${complaint.trim()}`);
  });
  ended.catch(() => undefined);
  try {
    await Promise.race([once(child.stdout, 'data', { signal }), ended]);
  } catch (error) {
    release();
    throw error;
  }
  signal.addEventListener('abort', release, { once: true });
  return { release };
}

const watchArgs = ['--pdeathsig', 'TERM', 'busctl', 'monitor', '--json=short', `--match=${match}`];

async function* watch(signal: AbortSignal): AsyncIterable<boolean> {
  const child = spawn('setpriv', watchArgs, { stdio: ['ignore', 'pipe', 'ignore'] });
  const end = (): void => void child.kill();
  signal.addEventListener('abort', end, { once: true });
  // It cannot be started: its output ends, too.
  child.on('error', () => undefined);
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const begins = parseSignal(line);
      if (begins !== undefined) yield begins;
    }
  } finally {
    signal.removeEventListener('abort', end);
    end();
  }
}

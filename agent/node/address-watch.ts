import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.ts';
import type { Log } from '../pods/deps.ts';
import { type Round, uncounted } from '../round.ts';
import { createWakeup } from '../wakeup.ts';
import { nodeAddresses } from './facts.ts';

/** Addresses that this host has. */
export interface HostAddresses {
  /** At most one a family, see `nodeAddresses`. */
  readonly primary: readonly string[];
  /** All that its links have, also the primary ones. */
  readonly all: readonly string[];
}

export interface AddressWatch {
  /** As they were last seen. */
  current(): HostAddresses;
  /** @returns ends the subscription */
  subscribe(listener: (addresses: HostAddresses) => void): () => void;
  run(signal: AbortSignal): Promise<void>;
}

export interface AddressWatchDeps {
  readonly initial: HostAddresses;
  readonly read: () => Promise<HostAddresses>;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Counts a round. */
  readonly round?: Round;
  /** The program that prints a line a change; default {@link monitor}. */
  readonly command?: readonly [file: string, ...args: string[]];
}

/** `setpriv` has the kernel end it with this process, also when that is killed. */
const monitor = ['setpriv', '--pdeathsig', 'TERM', 'ip', '-o', 'monitor', 'address'] as const;

/** One command may change several addresses. */
const settleMs = 200;
/** Between two looks when the kernel tells nothing: events are lost when its buffer is full, and where there is no `ip`. */
const lookMs = 30_000;
const maxRestartMs = 60_000;

/** Follows the addresses of the host: one program tells that something changed, and what is there now is read then. */
export function createAddressWatch(deps: AddressWatchDeps): AddressWatch {
  const { clock, read, round = uncounted } = deps;
  const wakeup = createWakeup(clock);
  const listeners = new Set<(addresses: HostAddresses) => void>();
  let current = deps.initial;

  const look = async (): Promise<void> => {
    const next = await read();
    if (isDeepStrictEqual(sorted(next), sorted(current))) return;
    current = next;
    deps.log.info({ addresses: next.primary }, 'addresses of this host have changed');
    for (const listener of listeners) listener(next);
  };

  return {
    current: () => current,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    run: async (signal) => {
      const telling = keepMonitor(deps, () => wakeup.wake(), signal);
      while (!signal.aborted) {
        await wakeup.sleep(lookMs, signal).catch(() => undefined);
        await clock.sleep(settleMs, signal).catch(() => undefined);
        if (!signal.aborted)
          await round(look).catch((err: unknown) => deps.log.warn({ err }, 'addresses cannot be read'));
      }
      await telling;
    },
  };
}

/** As they are now. Those of one link only are left out: every pod's link has one, and no Service answers there. */
export async function readHostAddresses(): Promise<HostAddresses> {
  const all = Object.values(networkInterfaces())
    .flatMap((infos) => (infos ?? []).map(({ address }) => address))
    .filter((address) => !/^fe[89ab]/.test(address));
  return { primary: await nodeAddresses(), all };
}

/** The order is that of the links, which says nothing but for the primary addresses. */
const sorted = ({ primary, all }: HostAddresses): HostAddresses => ({ primary, all: all.toSorted() });

/** Runs the program until the signal is aborted, and again when it ends. */
async function keepMonitor(
  { clock, log, command = monitor }: AddressWatchDeps,
  onChange: () => void,
  signal: AbortSignal,
): Promise<void> {
  for (let delayMs = 1_000; !signal.aborted; delayMs = Math.min(2 * delayMs, maxRestartMs)) {
    const startedAt = clock.now();
    const reason = await runMonitor(command, onChange, signal);
    if (signal.aborted) return;
    if (clock.now() - startedAt > maxRestartMs) delayMs = 1_000;
    log.warn({ reason, retryMs: delayMs }, 'changes of addresses are looked for every 30 s: ip monitor has ended');
    // What happened meanwhile is seen by a look.
    onChange();
    await clock.sleep(delayMs, signal).catch(() => undefined);
  }
}

/** @returns why it ended */
async function runMonitor(
  [file, ...args]: readonly [string, ...string[]],
  onChange: () => void,
  signal: AbortSignal,
): Promise<string> {
  // Not the Exec wrapper: it collects all output, and this child runs as long as the daemon.
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'], signal });
  child.stdout.on('data', onChange);
  const failed = once(child, 'error').then(([error]: readonly Error[]) => error?.message ?? '');
  const closed = once(child, 'close').then(([code]: readonly unknown[]) => `exit code ${String(code)}`);
  return Promise.race([failed, closed]);
}

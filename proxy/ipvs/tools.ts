import { type Exec, ExecFailure } from '../../cni/index.ts';
import { PROGRAMS } from '../iptables/programs.ts';
import type { Family } from '../types.ts';
import { isOwned } from './owned.ts';
import { parseAddresses, parseConnections, parseServers, parseSets } from './parse.ts';
import type { IpvsState } from './state.ts';

/** 5,000 Services take some seconds in the kernel, and more on a busy machine. */
const TIMEOUT_MS = 120_000;

/** Seconds that a program waits for the lock that all users of legacy iptables share. */
const LOCK_WAIT = ['-w', '5'];

/** What the kernel holds. */
export interface Observed {
  readonly state: IpvsState;
  /** Addresses of other links. */
  readonly otherAddresses: ReadonlySet<string>;
  /** Our link has addresses of the other family, too. */
  readonly isLinkShared: boolean;
}

/** The programs that read and write the kernel's state of one family; one process a call, none for an empty input. */
export interface Tools {
  observe(signal: AbortSignal): Promise<Observed>;
  saveRules(signal: AbortSignal): Promise<string>;
  hasChain(table: string, chain: string, signal: AbortSignal): Promise<boolean>;
  connections(signal: AbortSignal): Promise<ReturnType<typeof parseConnections>>;
  ipset(input: string, signal: AbortSignal): Promise<void>;
  iptables(input: string, signal: AbortSignal): Promise<void>;
  ipvsadm(input: string, signal: AbortSignal): Promise<void>;
  ip(input: string, signal: AbortSignal): Promise<void>;
}

export function createTools(exec: Exec, family: Family): Tools {
  const programs = PROGRAMS[family];
  const read = async (file: string, args: readonly string[], signal: AbortSignal): Promise<string> =>
    (await exec({ file, args, timeoutMs: TIMEOUT_MS }, signal)).stdout;
  const write = async (file: string, args: readonly string[], input: string, signal: AbortSignal): Promise<string> => {
    if (input === '') return '';
    return (await exec({ file, args, input, timeoutMs: TIMEOUT_MS }, signal)).stderr;
  };
  return {
    observe: async (signal) => {
      // One after the other: the first one loads the module on hosts that load modules when they are needed.
      const servers = parseServers(await read('ipvsadm', ['-S', '-n'], signal), family);
      const sets = parseSets(await read('ipset', ['save'], signal), family);
      const { onLink, elsewhere, isLinkShared } = parseAddresses(await read('ip', ['-j', 'addr'], signal), family);
      return { state: { servers, sets, addresses: onLink }, otherAddresses: elsewhere, isLinkShared };
    },
    saveRules: (signal) => read(programs.save, [], signal),
    hasChain: async (table, chain, signal) => {
      try {
        await read(programs.iptables, [...LOCK_WAIT, '-t', table, '-S', chain], signal);
        return true;
      } catch (error) {
        // 1 is "no such chain"; 4 is a lock that somebody else holds, and says nothing.
        if (error instanceof ExecFailure && error.exitCode === 1) return false;
        throw error;
      }
    },
    connections: async (signal) => parseConnections(await read('ipvsadm', ['-L', '-n'], signal)),
    ipset: async (input, signal) => {
      await write('ipset', ['restore', '-exist'], input, signal);
    },
    iptables: async (input, signal) => {
      await write(programs.restore, ['--noflush', ...LOCK_WAIT, '--counters'], input, signal);
    },
    ipvsadm: async (input, signal) => {
      const complaint = (await write('ipvsadm', ['-R'], input, signal)).trim();
      // It goes on after a line that failed, and its exit code is that of the last one.
      if (complaint !== '') throw new Error(`cannot write virtual servers: ipvsadm: ${complaint}`);
    },
    ip: async (input, signal) => {
      await write('ip', ['-batch', '-'], input, signal);
    },
  };
}

/** What is the proxy's, or will be: virtual servers of others are not compared, so they stay. */
export function ownState({ state }: Observed, want: IpvsState): IpvsState {
  const servers = [...state.servers].filter(
    ([service, server]) => want.servers.has(service) || isOwned(server, state.sets),
  );
  return { ...state, servers: new Map(servers) };
}

import { readFile } from 'node:fs/promises';
import { errorCode, type Exec, setSysctl } from '../cni/index.ts';
import type { ProxyLog } from './log.ts';
import type { ProxySettings } from './types.ts';

/** A sysctl that Services need. */
export interface Sysctl {
  /** Path below `/proc/sys`. */
  readonly name: string;
  readonly value: string;
  readonly why: string;
}

/** The kernel's sysctls, in the network namespace of the daemon. */
export interface SysctlAccess {
  /** Undefined when the kernel has no such sysctl. */
  read(name: string): Promise<string | undefined>;
  /** Rejects with an error that says what to do. */
  write(name: string, value: string): Promise<void>;
}

export const systemSysctls: SysctlAccess = {
  read: async (name) => {
    try {
      return (await readFile(`/proc/sys/${name}`, 'utf8')).trim();
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  },
  write: setSysctl,
};

/** What the Services of a family need of the kernel. */
export function planSysctls({ family, localhostNodePorts }: ProxySettings): readonly Sysctl[] {
  const forwarding = family === 4 ? 'net/ipv4/ip_forward' : 'net/ipv6/conf/all/forwarding';
  const localnet: Sysctl = {
    name: 'net/ipv4/conf/all/route_localnet',
    value: '1',
    why: 'node ports answer on 127.0.0.1',
  };
  return [
    { name: forwarding, value: '1', why: 'connections to Services go on to pods' },
    ...(family === 4 && localhostNodePorts ? [localnet] : []),
  ];
}

/** Where pods on one bridge reach each other by a Service, answers must come back through the rules. */
function bridgeSysctl({ family }: ProxySettings): Sysctl {
  const name = `net/bridge/bridge-nf-call-${family === 4 ? 'iptables' : 'ip6tables'}`;
  return { name, value: '1', why: 'answers between pods on the same bridge go through the rules' };
}

export interface SysctlDeps {
  readonly access: SysctlAccess;
  readonly exec: Exec;
  readonly log: ProxyLog;
}

/** Writes what differs. What cannot be set is logged, and Services go on without it. May be repeated. */
export async function ensureSysctls(settings: ProxySettings, deps: SysctlDeps, signal: AbortSignal): Promise<void> {
  for (const sysctl of planSysctls(settings)) await ensureSysctl(sysctl, deps);
  const bridge = bridgeSysctl(settings);
  if ((await ensureSysctl(bridge, deps)) === 'missing' && (await hasBridges(deps.exec, signal))) {
    const message = 'the kernel does not show bridged packets to the firewall: load the module br_netfilter';
    deps.log.warn({ sysctl: dotted(bridge.name), why: bridge.why }, message);
  }
}

async function ensureSysctl(
  { name, value, why }: Sysctl,
  { access, log }: SysctlDeps,
): Promise<'set' | 'missing' | 'failed'> {
  try {
    const before = await access.read(name);
    if (before === undefined) return 'missing';
    if (before === value) return 'set';
    await access.write(name, value);
    log.info({ sysctl: dotted(name), before, value, why }, 'sysctl was changed');
    return 'set';
  } catch (err) {
    log.warn({ err, sysctl: dotted(name), value, why }, 'sysctl cannot be set');
    return 'failed';
  }
}

async function hasBridges(exec: Exec, signal: AbortSignal): Promise<boolean> {
  try {
    const { stdout } = await exec({ file: 'ip', args: ['-o', 'link', 'show', 'type', 'bridge'] }, signal);
    return stdout.trim() !== '';
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

const dotted = (name: string): string => name.replaceAll('/', '.');

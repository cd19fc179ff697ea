import { type Exec, ExecFailure, messageOf } from '../cni/index.ts';
import type { Scheduler } from './ipvs/index.ts';
import type { ModeFacts, ProxyMode } from './mode.ts';
import type { Family, ProxyBackend } from './types.ts';

/** One mode: how to find out whether it works here, and how to make its backend. */
export interface ModeSupport {
  /** Tells why the mode cannot work for a family; undefined when it can. Changes nothing on the host. */
  readonly probe: (exec: Exec, signal: AbortSignal, family: Family) => Promise<string | undefined>;
  /** Tells what the chosen mode lacks that {@link probe} cannot see without changing the host for a moment. */
  readonly verify?: (exec: Exec, signal: AbortSignal, settings: IpvsSettings) => Promise<string | undefined>;
  /** Absent where there is none in this version. */
  readonly create?: (options: BackendOptions) => ProxyBackend;
}

/** What only the mode IPVS is told. */
export interface IpvsSettings {
  readonly scheduler: Scheduler;
  /** The node answers ARP for the addresses of the link asked only (`strictARP`). */
  readonly strictArp: boolean;
}

export const defaultIpvs: IpvsSettings = { scheduler: 'rr', strictArp: false };

export interface BackendOptions {
  readonly exec: Exec;
  readonly family: Family;
  readonly ipvs?: IpvsSettings;
}

/** Asks the host what it can do. Rejects only when it is aborted. */
export async function gatherModeFacts(
  modes: Readonly<Record<ProxyMode, ModeSupport>>,
  exec: Exec,
  signal: AbortSignal,
): Promise<ModeFacts> {
  const factsOf = async ({ probe, create }: ModeSupport): Promise<ModeFacts[ProxyMode]> => {
    const [four, six] = await Promise.all([probe(exec, signal, 4), probe(exec, signal, 6)]);
    const missing = create === undefined ? 'this version of podwright has no backend for it' : undefined;
    return { 4: four ?? missing, 6: six ?? missing };
  };
  const [iptables, ipvs, nftables] = await Promise.all([
    factsOf(modes.iptables),
    factsOf(modes.ipvs),
    factsOf(modes.nftables),
  ]);
  return { iptables, ipvs, nftables };
}

/** One rule with each extension that the rules of Services need. */
const IPTABLES_SAMPLE = `*nat
:KUBE-PROBE - [0:0]
-A KUBE-PROBE -m comment --comment "probe" -m statistic --mode random --probability 0.5 -j RETURN
-A KUBE-PROBE -m addrtype --dst-type LOCAL -j MARK --or-mark 0x4000
-A KUBE-PROBE -m mark --mark 0x4000/0x4000 -j MASQUERADE
COMMIT
*filter
:KUBE-PROBE - [0:0]
-A KUBE-PROBE -m conntrack --ctstate NEW -j REJECT
COMMIT
`;

/** `--test` loads what the rules need and commits nothing. */
export const probeIptables: ModeSupport['probe'] = async (exec, signal, family) => {
  const file = family === 4 ? 'iptables-restore' : 'ip6tables-restore';
  return problemOf('iptables', signal, async () => {
    await exec({ file, args: ['--test', '--noflush', '-w', '5'], input: IPTABLES_SAMPLE }, signal);
  });
};

/** `ipvsadm` has the kernel load the modules where it can. */
export const probeIpvs: ModeSupport['probe'] = async (exec, signal) => {
  const noSets = await problemOf('ipset', signal, async () => {
    await exec({ file: 'ipset', args: ['list', '-n'] }, signal);
  });
  if (noSets !== undefined) return noSets;
  const problem = await problemOf('ipvsadm', signal, async () => {
    await exec({ file: 'ipvsadm', args: ['-L', '-n'] }, signal);
  });
  if (problem === undefined || problem.includes('not installed')) return problem;
  const modules = 'ip_vs, ip_vs_rr, ip_vs_wrr, ip_vs_sh and nf_conntrack';
  return `the kernel has no IPVS (${problem}): load the modules ${modules}`;
};

/** @param packageName the Debian package of the program */
async function problemOf(
  packageName: string,
  signal: AbortSignal,
  tryOut: () => Promise<void>,
): Promise<string | undefined> {
  try {
    await tryOut();
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ExecFailure)) return messageOf(error);
    if (error.notFound) return `the program ${error.file} is not installed: apt-get install ${packageName}`;
    return `${error.file} failed: ${error.stderr.trim().split('\n')[0] ?? error.message}`;
  }
}

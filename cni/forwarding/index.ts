import { CniError, cniErrorCode } from '../spec/error.ts';
import { type Exec, ExecFailure } from '../util/exec.ts';
import { renderForwarding } from './render.ts';
import { setSysctl, type SetSysctl } from '../util/sysctl.ts';

export interface ForwardingRequest {
  readonly network: string;
  readonly cidrs: readonly string[];
  /** Traffic of pods that leaves the pod networks gets the host's address. */
  readonly masquerade: boolean;
  readonly exec: Exec;
  readonly setSysctl?: SetSysctl;
}

interface Family {
  readonly command: 'iptables' | 'ip6tables';
  readonly cidrs: readonly string[];
  readonly sysctl: string;
}

/**
 * Makes true what a pod network needs of the host as a whole: forwarding is on, the firewall lets pod traffic through, and
 * what leaves the pod networks is masqueraded. To be repeated; what is as it should be costs one `iptables-save` a family.
 */
export async function ensureForwarding(request: ForwardingRequest, signal: AbortSignal): Promise<void> {
  const set = request.setSysctl ?? setSysctl;
  for (const { command, cidrs, sysctl } of families(request.cidrs)) {
    await set(sysctl, '1');
    const saved = await run(request.exec, signal, `${command}-save`, []);
    const input = renderForwarding({ network: request.network, cidrs, masquerade: request.masquerade }, saved);
    if (input !== undefined) await run(request.exec, signal, `${command}-restore`, ['--noflush', '-w', '5'], input);
  }
}

function families(cidrs: readonly string[]): Family[] {
  const v6 = cidrs.filter((cidr) => cidr.includes(':'));
  const v4 = cidrs.filter((cidr) => !cidr.includes(':'));
  const all: Family[] = [
    { command: 'iptables', cidrs: v4, sysctl: 'net/ipv4/ip_forward' },
    { command: 'ip6tables', cidrs: v6, sysctl: 'net/ipv6/conf/all/forwarding' },
  ];
  return all.filter((family) => family.cidrs.length > 0);
}

async function run(
  exec: Exec,
  signal: AbortSignal,
  file: string,
  args: readonly string[],
  input?: string,
): Promise<string> {
  try {
    return (await exec({ file, args, ...(input === undefined ? {} : { input }) }, signal)).stdout;
  } catch (error) {
    if (!(error instanceof ExecFailure)) throw error;
    const message = error.notFound ? `${file} is not installed: apt-get install iptables` : error.message;
    throw new CniError(cniErrorCode.internal, message, { details: error.stderr, cause: error });
  }
}

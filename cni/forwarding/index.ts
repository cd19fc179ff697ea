import { CniError, cniErrorCode } from '../spec/error.ts';
import { type Exec, ExecFailure } from '../util/exec.ts';
import { type NetworkRules, renderForwarding } from './render.ts';
import { setSysctl, type SetSysctl } from '../util/sysctl.ts';

export interface ForwardingRequest {
  readonly networks: readonly NetworkRules[];
  readonly exec: Exec;
  readonly setSysctl?: SetSysctl;
}

interface Family {
  readonly command: 'iptables' | 'ip6tables';
  readonly networks: readonly NetworkRules[];
  readonly sysctl: string;
}

/**
 * Makes true what pod networks need of the host as a whole: forwarding is on, the firewall lets pod traffic through, and
 * what leaves the pod networks is masqueraded. Rules of networks other than these go. To be repeated; what is as it should
 * be costs one `iptables-save` a family.
 */
export async function ensureForwarding(request: ForwardingRequest, signal: AbortSignal): Promise<void> {
  const set = request.setSysctl ?? setSysctl;
  for (const { command, networks, sysctl } of families(request.networks)) {
    await set(sysctl, '1');
    const saved = await run(request.exec, signal, `${command}-save`, []);
    const input = renderForwarding(networks, saved);
    if (input !== undefined) await run(request.exec, signal, `${command}-restore`, ['--noflush', '-w', '5'], input);
  }
}

function families(networks: readonly NetworkRules[]): Family[] {
  const of = (isOfFamily: (cidr: string) => boolean): NetworkRules[] =>
    networks
      .map((network) => ({
        ...network,
        cidrs: network.cidrs.filter(isOfFamily),
        unmasqueraded: (network.unmasqueraded ?? []).filter(isOfFamily),
      }))
      .filter(({ cidrs }) => cidrs.length > 0);
  const all: Family[] = [
    { command: 'iptables', networks: of((cidr) => !cidr.includes(':')), sysctl: 'net/ipv4/ip_forward' },
    { command: 'ip6tables', networks: of((cidr) => cidr.includes(':')), sysctl: 'net/ipv6/conf/all/forwarding' },
  ];
  return all.filter((family) => family.networks.length > 0);
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

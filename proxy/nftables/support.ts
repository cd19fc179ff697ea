import { type Exec, ExecFailure } from '../../cni/index.ts';
import type { Family, ProxyPlan, ServicePortPlan } from '../types.ts';
import { renderTable } from './render.ts';

/**
 * Why `nft` or the kernel cannot carry Services; undefined when they can. A dry run of a table with everything in it that a table
 * can have: nothing is changed, whatever is there.
 */
export async function nftablesSupported(
  exec: Exec,
  signal: AbortSignal,
  family: Family = 4,
): Promise<string | undefined> {
  const { text } = renderTable(samplePlan(family), { serviceCidrs: [sample(family).cidr], marker: 'probe' });
  try {
    await exec({ file: 'nft', args: ['--check', '-f', '-'], input: text }, signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ExecFailure)) throw error;
    if (error.notFound) return 'the program nft is not installed';
    return `nft refuses the rules that are needed: ${firstLine(error.stderr) || error.message}`;
  }
}

/** What follows is the rule in question, and the same for the next ones. */
const firstLine = (text: string): string => text.trim().split('\n')[0] ?? '';

const sample = (family: Family): { readonly ips: readonly [string, string, string]; readonly cidr: string } =>
  family === 4
    ? { ips: ['192.0.2.1', '192.0.2.2', '192.0.2.3'], cidr: '192.0.2.0/24' }
    : { ips: ['2001:db8::1', '2001:db8::2', '2001:db8::3'], cidr: '2001:db8::/64' };

function samplePlan(family: Family): ProxyPlan {
  const { ips, cidr } = sample(family);
  const [clusterIp, loadBalancerIp, ip] = ips;
  const endpoint = { ip, port: 80, isLocal: true, ready: true, serving: true, terminating: false };
  const service: ServicePortPlan = {
    name: { namespace: 'probe', name: 'probe', port: '' },
    protocol: 'TCP',
    family,
    clusterIp,
    port: 80,
    nodePort: 30_000,
    healthCheckNodePort: 0,
    externalIps: [],
    loadBalancerIps: [loadBalancerIp],
    sourceRanges: [cidr],
    affinitySeconds: 10_800,
    internalPolicyLocal: false,
    externalPolicyLocal: true,
    clusterEndpoints: [endpoint],
    localEndpoints: [endpoint],
    allEndpoints: [endpoint],
    hasAnyEndpoints: true,
  };
  return {
    settings: {
      family,
      localDetector: { mode: 'ClusterCIDR', cidr },
      masqueradeAll: false,
      masqueradeBit: 14,
      nodePortCidrs: undefined,
      nodeIps: [],
      localhostNodePorts: false,
    },
    services: [service],
  };
}

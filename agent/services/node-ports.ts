import type { Refusal } from './cluster-ips.ts';
import { pickFree, spared } from './pick.ts';
import type { ServicePortSpec, ServiceRanges, ServiceSpec } from './types.ts';

/** Node ports in use: a number has one owner, whatever its protocol, as in kube-apiserver. */
export interface NodePorts {
  /** Takes a number that a manifest names; 0 is none. */
  claim(port: number, owner: string, path: string): Refusal | undefined;
  /** Takes the number of before, when it is still to be had, or another one. */
  give(kept: number, owner: string, seed: string, path: string): number | Refusal;
}

/** @param reserved what is given to none but those that had it */
export function createNodePorts({ first, last }: ServiceRanges['nodePorts'], reserved: ReadonlySet<number>): NodePorts {
  const owners = new Map<number, string>();
  const range = `${first}-${last}`;
  const pool = { first: BigInt(first), last: BigInt(last), spared: spared(BigInt(last - first + 1), 32n, 16n, 128n) };
  const fits = (port: number): boolean => port >= first && port <= last;

  const isTaken = (port: number): boolean => owners.has(port) || reserved.has(port);

  return {
    claim: (port, owner, path) => {
      const other = owners.get(port);
      // One Service may have a number for TCP and for UDP.
      if (port === 0 || other === owner) return undefined;
      if (other !== undefined) return { path, message: `${port} is a node port of the Service ${other} already` };
      if (!fits(port)) return { path, message: `${port} is not in the range of node ports, ${range}` };
      owners.set(port, owner);
      return undefined;
    },
    give: (kept, owner, seed, path) => {
      const free = fits(kept) && !owners.has(kept);
      const port = free ? kept : Number(pickFree(pool, seed, (value) => isTaken(Number(value))) ?? 0);
      if (port === 0) return { path, message: `no node port of ${range} is free` };
      owners.set(port, owner);
      return port;
    },
  };
}

/** Whether the ports of a Service have node ports. */
export function wantsNodePorts({ type, allocateLoadBalancerNodePorts = true }: ServiceSpec): boolean {
  return type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts);
}

/** `NeedsHealthCheck`, pkg/api/v1/service/util.go. */
export function wantsHealthCheck({ type, externalTrafficPolicy }: ServiceSpec): boolean {
  return type === 'LoadBalancer' && externalTrafficPolicy === 'Local';
}

/** `http/TCP`: what a port is remembered by. */
export function portKey({ name = '', protocol = 'TCP' }: ServicePortSpec): string {
  return `${name}/${protocol}`;
}

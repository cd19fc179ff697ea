import { isSidecar } from '../objects/pod-resources.ts';
import type { ContainerPort, Pod } from '../objects/types.ts';

interface HostPort {
  readonly protocol: string;
  /** `0.0.0.0` for all addresses. */
  readonly address: string;
  readonly port: number;
}

const allAddresses = '0.0.0.0';

/**
 * Whether the host ports of a pod are free (`Fits`, pkg/scheduler/framework/plugins/nodeports): two pods cannot have one
 * port of one protocol on one address, and a port on all addresses takes it on each.
 */
export function hostPortsFree(pod: Pod, others: readonly Pod[]): boolean {
  const taken = others.flatMap(hostPorts);
  return !hostPorts(pod).some((wanted) => taken.some((other) => conflict(wanted, other)));
}

function conflict(a: HostPort, b: HostPort): boolean {
  const sameAddress = a.address === b.address || a.address === allAddresses || b.address === allAddresses;
  return a.port === b.port && a.protocol === b.protocol && sameAddress;
}

/** Ports of containers that run beside each other; an init container has its ports while nothing else runs. */
function hostPorts({ spec }: Pod): readonly HostPort[] {
  const containers = [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)];
  return containers.flatMap(({ ports }) => ports.flatMap(hostPort));
}

function hostPort({ hostPort: port = 0, hostIP, protocol }: ContainerPort): readonly HostPort[] {
  return port > 0 ? [{ protocol, address: hostIP || allAddresses, port }] : [];
}

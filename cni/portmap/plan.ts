import { createHash } from 'node:crypto';
import { parseIp } from '../ip/cidr.ts';
import type { CniResult, PortMapping } from '../spec/types.ts';

/** A host port of one attachment in one address family, ready for a rule. */
export interface HostPort {
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly hostPort: number;
  /** Undefined: every address of the host. */
  readonly hostIp: string | undefined;
  readonly podIp: string;
  readonly containerPort: number;
}

/**
 * The host ports of an attachment: each mapping once for each address family that the pod has an address of. A mapping
 * whose host address is of one family exists in that family only; `0.0.0.0` and `::` mean all addresses of theirs.
 */
export function planHostPorts(mappings: readonly PortMapping[], result: CniResult | undefined): HostPort[] {
  const podIps = podAddresses(result);
  return mappings.flatMap((mapping) =>
    podIps.flatMap(({ family, ip }) => {
      const host = parseIp(mapping.hostIp);
      if (host !== undefined && host.family !== family) return [];
      return [
        {
          family,
          protocol: mapping.protocol.toLowerCase() as HostPort['protocol'],
          hostPort: mapping.hostPort,
          hostIp: host === undefined || host.value === 0n ? undefined : mapping.hostIp,
          podIp: ip,
          containerPort: mapping.containerPort,
        },
      ];
    }),
  );
}

/** The first address of each family. */
function podAddresses(result: CniResult | undefined): { family: 4 | 6; ip: string }[] {
  const found = new Map<4 | 6, string>();
  for (const { address } of result?.ips ?? []) {
    const ip = address.split('/')[0] ?? '';
    const family = parseIp(ip)?.family;
    if (family !== undefined && !found.has(family)) found.set(family, ip);
  }
  return [...found].map(([family, ip]) => ({ family, ip }));
}

/** Short, stable name of an attachment, for chains and comments. */
export function attachmentId(network: string, containerId: string): string {
  return createHash('sha512').update(`${network}${containerId}`).digest('hex').slice(0, 24);
}

/** Whether two host ports cannot exist beside each other. */
export function conflicts(a: HostPort, b: HostPort): boolean {
  const sameSocket = a.family === b.family && a.protocol === b.protocol && a.hostPort === b.hostPort;
  return sameSocket && (a.hostIp === undefined || b.hostIp === undefined || a.hostIp === b.hostIp);
}

/** `tcp/8080`, with the host address where there is one, for messages. */
export function describePort({ protocol, hostPort, hostIp }: HostPort): string {
  return hostIp === undefined ? `${protocol}/${hostPort}` : `${protocol}/${hostIp}:${hostPort}`;
}

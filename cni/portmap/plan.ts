import { createHash } from 'node:crypto';
import { formatIp, formatNetwork, type IpAddress, parseCidr, parseIp } from '../ip/cidr.ts';
import { CniError, cniErrorCode } from '../spec/error.ts';
import type { CniResult, PortMapping } from '../spec/types.ts';

/** A host port of one attachment in one address family, ready for a rule. */
export interface HostPort {
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly hostPort: number;
  /** Undefined: every address of the host. */
  readonly hostIp: string | undefined;
  readonly podIp: string;
  /** The subnet that the pod's address is of: what comes from there would be answered without the host in between. */
  readonly podNet: string;
  readonly containerPort: number;
}

/**
 * The host ports of an attachment: each mapping once for each address family that the pod has an address of. A mapping
 * whose host address is of one family exists in that family only; `0.0.0.0` and `::` mean all addresses of theirs.
 *
 * @throws CniError when a host address is none, a port is out of range, or one host port is to lead to two container ports
 */
export function planHostPorts(mappings: readonly PortMapping[], result: CniResult | undefined): HostPort[] {
  return onceEach(translate(mappings, podAddresses(result)));
}

function translate(mappings: readonly PortMapping[], pods: readonly PodAddress[]): HostPort[] {
  return mappings.flatMap((mapping) => {
    const host = hostAddress(mapping);
    return pods
      .filter(({ family }) => host === undefined || host.family === family)
      .map(({ family, ip, net }) => ({
        family,
        protocol: mapping.protocol.toLowerCase() as HostPort['protocol'],
        hostPort: mapping.hostPort,
        hostIp: host === undefined || host.value === 0n ? undefined : formatIp(host),
        podIp: ip,
        podNet: net,
        containerPort: mapping.containerPort,
      }));
  });
}

/**
 * Kubernetes takes a port on no address and on `0.0.0.0` for two, here it is one. To be refused before it is stored: the
 * kernel would refuse every later change, of whatever pod, that has both in it.
 */
function onceEach(ports: readonly HostPort[]): HostPort[] {
  const found = new Map<string, HostPort>();
  for (const port of ports) {
    const key = `${port.family} ${describePort(port)}`;
    const other = found.get(key);
    const isValid: boolean = isHostPort(port);
    if (!isValid) refuse(`${describePort(port)} to container port ${port.containerPort} is no host port`);
    if (other !== undefined && other.containerPort !== port.containerPort) {
      const targets = `${other.containerPort} and ${port.containerPort}`;
      refuse(`host port ${describePort(port)} leads to container ports ${targets} of one pod`);
    }
    found.set(key, port);
  }
  return [...found.values()];
}

/** A host address that cannot be read must not become a port that is open on all of them. */
function hostAddress({ hostIp, hostPort }: PortMapping): IpAddress | undefined {
  if (hostIp === '') return undefined;
  const address = parseIp(hostIp);
  if (address !== undefined) return address;
  return refuse(`hostIP ${JSON.stringify(hostIp)} of host port ${hostPort} is no IP address`);
}

function refuse(message: string): never {
  throw new CniError(cniErrorCode.invalidNetworkConfig, `portmap: ${message}`);
}

interface PodAddress {
  readonly family: 4 | 6;
  readonly ip: string;
  readonly net: string;
}

/** The first address of each family. */
function podAddresses(result: CniResult | undefined): PodAddress[] {
  const found = new Map<4 | 6, PodAddress>();
  for (const { address } of result?.ips ?? []) {
    const cidr = parseCidr(address);
    if (cidr === undefined || found.has(cidr.family)) continue;
    const { family } = cidr;
    found.set(family, { family, ip: formatIp({ family, value: cidr.address }), net: formatNetwork(cidr) });
  }
  return [...found.values()];
}

/** Short, stable name of an attachment. Behind `PODWRIGHT-DN-` it makes 28 characters, the most a chain's name may have. */
export function attachmentId(network: string, containerId: string): string {
  return createHash('sha512').update(`${network}${containerId}`).digest('hex').slice(0, 15);
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

/** Whether a value that was stored is a host port: what it says goes into rules. */
export function isHostPort(value: unknown): value is HostPort {
  if (typeof value !== 'object' || value === null) return false;
  const { family, protocol, hostPort, hostIp, podIp, podNet, containerPort } = value as Record<string, unknown>;
  const isAddress = (text: unknown): boolean => typeof text === 'string' && parseIp(text)?.family === family;
  const isNet = typeof podNet === 'string' && parseCidr(podNet)?.family === family;
  const isProtocol = protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp';
  return (
    isNet &&
    isProtocol &&
    [hostPort, containerPort].every(isPort) &&
    isAddress(podIp) &&
    (hostIp === undefined || isAddress(hostIp))
  );
}

const isPort = (value: unknown): boolean => Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;

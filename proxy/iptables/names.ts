import { hash } from 'node:crypto';
import { formatServicePortName, type Endpoint, type ServicePortPlan } from '../types.ts';

/** Chains of one port of a Service, and how the rules name the port. */
export interface PortNames {
  /** `namespace/name:port`, for comments. */
  readonly port: string;
  /** As iptables writes it: `tcp`. */
  readonly protocol: string;
  /** Chooses an endpoint by the policy Cluster. */
  readonly cluster: string;
  /** Chooses an endpoint by the policy Local. */
  readonly local: string;
  /** Where all traffic to external addresses and node ports begins. */
  readonly external: string;
  /** Lets the source ranges of a load balancer through. */
  readonly firewall: string;
}

export const MARK_CHAIN = 'KUBE-MARK-MASQ';

/** Exists in each table for nothing but to be seen missing after somebody flushed the firewall. */
export const CANARY_CHAIN = 'KUBE-PROXY-CANARY';

const servicePrefixes = ['KUBE-SVC-', 'KUBE-SVL-', 'KUBE-EXT-', 'KUBE-FW-', 'KUBE-SEP-'];

/** Whether a chain of the nat table is one of a port or an endpoint. */
export function isServiceChain(chain: string): boolean {
  return servicePrefixes.some((prefix) => chain.startsWith(prefix));
}

/** Names as kube-proxy makes them (`portProtoHash`, pkg/proxy/iptables/proxier.go). */
export function namesOf(plan: ServicePortPlan): PortNames {
  const port = formatServicePortName(plan.name);
  const protocol = plan.protocol.toLowerCase();
  const id = shortHash(port + protocol);
  return {
    port,
    protocol,
    cluster: `KUBE-SVC-${id}`,
    local: `KUBE-SVL-${id}`,
    external: `KUBE-EXT-${id}`,
    firewall: `KUBE-FW-${id}`,
  };
}

/** Chain that translates to one endpoint (`servicePortEndpointChainName`). */
export function endpointChain({ port, protocol }: PortNames, endpoint: Endpoint): string {
  return `KUBE-SEP-${shortHash(port + protocol + formatEndpoint(endpoint))}`;
}

/** `ip:port`, an IPv6 address in brackets. */
export function formatEndpoint({ ip, port }: Endpoint): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The base32 form of 10 bits. */
const pairs = Array.from({ length: 1024 }, (_, bits) => alphabet.charAt(bits >> 5) + alphabet.charAt(bits & 31));

/** The first 16 characters of the base32 form of a SHA-256: 10 bytes, so nothing is left over. Of 35,000 names at a time. */
function shortHash(text: string): string {
  const digest = hash('sha256', text, 'buffer');
  const at = (bit: number): string => pairs[(digest.readUInt16BE(bit >> 3) >> (6 - (bit & 7))) & 1023] ?? '';
  return at(0) + at(10) + at(20) + at(30) + at(40) + at(50) + at(60) + at(70);
}

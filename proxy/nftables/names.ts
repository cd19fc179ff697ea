import { createHash } from 'node:crypto';
import type { Endpoint, Protocol, ServicePortPlan } from '../types.ts';

/** The kernel takes names of up to 255 bytes; 16 are kept for the prefix, as kube-proxy does. */
const baseLength = 239;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * The first 8 characters of the base32 form (RFC 4648) of the text's SHA-256, a dash, and the text: `ULMVA6XW-ns1/svc1/tcp/p80`.
 * kube-proxy names its chains so (`hashAndTruncate` in `pkg/proxy/nftables/proxier.go`): the hash keeps a name unique that had to
 * be cut, and tells names apart that differ in one digit.
 */
function hashed(text: string): string {
  const digest = createHash('sha256').update(text).digest();
  const bits = digest.readUIntBE(0, 5);
  let hash = '';
  for (let index = 7; index >= 0; index -= 1) hash += alphabet[Math.floor(bits / 32 ** index) % 32] ?? '';
  const name = `${hash}-${text}`;
  return name.length > baseLength ? `${name.slice(0, baseLength - 3)}...` : name;
}

/** What `nft` calls the protocol. */
export const protocolName = (protocol: Protocol): 'tcp' | 'udp' | 'sctp' => protocolNames[protocol];

const protocolNames = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' } as const;

const servicePath = ({ name, protocol }: ServicePortPlan): string =>
  `${name.namespace}/${name.name}/${protocolName(protocol)}/${name.port}`;

/** Names of the chains of one port of a Service. */
export interface ServiceChains {
  /** Sends to the endpoints of the policy Cluster. */
  readonly cluster: string;
  /** Sends to the endpoints of the policy Local. */
  readonly local: string;
  /** Where traffic to node ports, external and load balancer addresses comes in. */
  readonly external: string;
  /** Lets the source ranges of a load balancer pass. */
  readonly firewall: string;
}

export function serviceChains(plan: ServicePortPlan): ServiceChains {
  const base = hashed(servicePath(plan));
  return {
    cluster: `service-${base}`,
    local: `local-${base}`,
    external: `external-${base}`,
    firewall: `firewall-${base}`,
  };
}

/** Names of the chain of one endpoint, and of the set of the clients that stay with it. */
export interface EndpointNames {
  readonly chain: string;
  readonly affinitySet: string;
}

/** Colons are not allowed in names of chains: those of an IPv6 address become dots. */
export function endpointNames(plan: ServicePortPlan, { ip, port }: Endpoint): EndpointNames {
  const base = hashed(`${servicePath(plan)}__${ip.replaceAll(':', '.')}/${port}`);
  return { chain: `endpoint-${base}`, affinitySet: `affinity-${base}` };
}

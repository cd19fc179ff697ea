import type { Protocol } from '../types.ts';

/**
 * Where a packet comes from. The tracers ask this instead of a routing table: `pod` for one on this node, `node` for a process
 * of this node in its own network namespace (the packet takes the OUTPUT hook), `external` for another host.
 */
export type SourceKind = 'pod' | 'node' | 'external';

/** The first packet of a connection, as it reaches the node. */
export interface Packet {
  readonly src: string;
  readonly dst: string;
  readonly port: number;
  readonly protocol: Protocol;
  /** Name of the link that it came in by; undefined for a packet of the node itself or when it does not matter. */
  readonly inInterface?: string;
  readonly sourceKind: SourceKind;
}

/** What rules may ask besides the packet. */
export interface TraceNode {
  /** Addresses of the node; those of the loopback count without being named. */
  readonly localAddresses: readonly string[];
  /**
   * What remembers that a client stays with an endpoint, where the source is in it: names of affinity sets (nftables), of lists of
   * `-m recent` (iptables).
   */
  readonly remembered?: readonly string[];
}

/** An endpoint that the packet can be sent to. */
export interface TracedEndpoint {
  readonly ip: string;
  readonly port: number;
  /** 0 to 1; those of one trace add up to 1. */
  readonly probability: number;
  /** The source address is replaced by the node's: always, or here only because the packet comes from this endpoint (hairpin). */
  readonly masquerade: boolean;
}

/** What the rules do with a packet. */
export interface Trace {
  /** `accept`: no rule concerns it, it goes on to where it was sent. */
  readonly verdict: 'dnat' | 'accept' | 'reject' | 'drop';
  /** Empty unless the verdict is `dnat`; in the order of the rules. */
  readonly endpoints: readonly TracedEndpoint[];
  /** What matched, in order, in words for people. */
  readonly steps: readonly string[];
}

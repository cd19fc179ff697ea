import type { HostPort } from './plan.ts';

/** An attachment's host ports as a backend puts them into the kernel. */
export interface PortSet {
  /** Of `attachmentId`. */
  readonly id: string;
  readonly ports: readonly HostPort[];
}

export interface PortChange {
  /** What the attachment had; empty for a new one. */
  readonly before: PortSet;
  /** What it is to have; empty to remove it. */
  readonly after: PortSet;
  /** All other attachments' host ports, as they are and stay. */
  readonly others: readonly PortSet[];
}

/**
 * One kernel mechanism for host ports. All verbs may be repeated; changes come one at a time. Before the first host port
 * leads anywhere, packets that claim to be of or for the host's loopback network, and did not come by it, are dropped.
 */
export interface PortmapBackend {
  /** Carries a change out; what else is missing in the kernel by then is there again behind it. */
  apply(change: PortChange, signal: AbortSignal): Promise<void>;
  /** Makes the kernel have these host ports and no others: somebody may have changed its rules. */
  restore(sets: readonly PortSet[], signal: AbortSignal): Promise<void>;
  /** Host ports of the set that the kernel lacks. */
  missing(set: PortSet, signal: AbortSignal): Promise<readonly HostPort[]>;
}

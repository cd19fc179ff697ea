import type { CniResult, PortMapping } from './spec/types.ts';
import type { Exec } from './util/exec.ts';

/** A pod to be attached. */
export interface Attachment {
  readonly containerId: string;
  /** Path of the namespace, e.g. `/proc/123/ns/net`. */
  readonly netns: string;
  /** Default `eth0`. */
  readonly ifName?: string;
  readonly pod: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly portMappings: readonly PortMapping[];
}

export interface NetworkStatus {
  readonly ready: boolean;
  readonly name: string;
  readonly plugins: readonly string[];
  readonly cidrs: readonly string[];
  /** Why it is not ready. */
  readonly reason?: string;
}

/** The network of this node's pods. Every verb may be repeated. */
export interface PodNetwork {
  /** Makes the network's own state true: sysctls, forwarding, masquerade. To be repeated now and then. */
  setup(signal: AbortSignal): Promise<void>;
  /** Attaches a pod; a second ADD of one container returns what the first did. */
  add(attachment: Attachment, signal: AbortSignal): Promise<CniResult>;
  /** Detaches a pod; succeeds when it is not attached, and when its namespace is gone. */
  del(attachment: Omit<Attachment, 'netns'> & { readonly netns?: string }, signal: AbortSignal): Promise<void>;
  check(attachment: Attachment, signal: AbortSignal): Promise<void>;
  /** Result of the ADD of a container, from the cache on disk. */
  cached(containerId: string, ifName?: string): Promise<CniResult | undefined>;
  /**
   * Reclaims what belongs to containers other than those that `listValid` names: leases, host ports, results, links. No
   * ADD runs from before `listValid` is called until the end: every attachment there is belongs to a container that was
   * created before, so that none is reclaimed because it is too new to be on the list.
   */
  gc(listValid: () => Promise<ReadonlySet<string>>, signal: AbortSignal): Promise<void>;
  status(): NetworkStatus;
  /** Sysctls that a new pod namespace should start with. */
  podSysctls(): Readonly<Record<string, string>>;
}

export interface PodNetworkOptions {
  readonly confDir: string;
  readonly binDirs: readonly string[];
  /** Directory of the result cache: `<cacheDir>/results/<network>-<containerId>-<ifName>`. */
  readonly cacheDir: string;
  readonly dataDir: string;
  readonly podCidrs: readonly string[];
  readonly exec?: Exec;
  readonly onWarning?: (message: string, fields: object) => void;
}

export function createPodNetwork(options: PodNetworkOptions): PodNetwork {
  throw new Error(`not there yet: ${options.confDir}`);
}

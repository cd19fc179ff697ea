import type { ClusterNodes, RouteBackend } from './routes/types.ts';
import type { CniResult, PortMapping } from './spec/types.ts';
import type { Exec } from './util/exec.ts';
import type { SetSysctl } from './util/sysctl.ts';

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

/** A pod to be detached; its namespace may be gone. */
export type Detachment = Omit<Attachment, 'netns'> & { readonly netns?: string };

export interface NetworkStatus {
  readonly ready: boolean;
  readonly name: string;
  readonly plugins: readonly string[];
  readonly cidrs: readonly string[];
  /** It is the built-in one: no configuration says otherwise. */
  readonly isOwn: boolean;
  /** Why it is not ready. */
  readonly reason?: string;
}

/** The verbs for single pods. Every one may be repeated. */
export interface PodAttachments {
  /** Attaches a pod; a second ADD of one container returns what the first did. */
  add(attachment: Attachment, signal: AbortSignal): Promise<CniResult>;
  /** Detaches a pod; succeeds when it is not attached, and when its namespace is gone. */
  del(attachment: Detachment, signal: AbortSignal): Promise<void>;
  check(attachment: Attachment, signal: AbortSignal): Promise<void>;
  /** Result of the ADD of a container, from the cache on disk. */
  cached(containerId: string, ifName?: string): Promise<CniResult | undefined>;
  /**
   * Reclaims what belongs to containers other than those that `listValid` names: leases, host ports, results, links. No
   * ADD runs from before `listValid` is called until the end: every attachment there is belongs to a container that was
   * created before, so that none is reclaimed because it is too new to be on the list.
   */
  gc(listValid: () => Promise<ReadonlySet<string>>, signal: AbortSignal): Promise<void>;
}

/** The network of this node's pods. Every verb may be repeated. */
export interface PodNetwork extends PodAttachments {
  /** Makes the network's own state true: sysctls, forwarding, masquerade, routes. To be repeated now and then. */
  setup(signal: AbortSignal): Promise<void>;
  status(): NetworkStatus;
  /**
   * Changes the ranges of the built-in network: pods that are attached keep their addresses. `setup` is to be called after it.
   *
   * @param podCidrs one range, or one of each family; empty as long as they are not known
   * @throws CniError when one is no network
   */
  setPodCidrs(podCidrs: readonly string[]): void;
  /**
   * Tells what other nodes the pods of the built-in network are to reach, without masquerade. `setup` is to be called after it.
   * Before the first call routes are left as they are.
   */
  setNodes(nodes: ClusterNodes): void;
  /** Whether the host has other routes than after the last `setup`: that is to be called then. Costs no process. */
  routesChanged(): Promise<boolean>;
  /** Sysctls that a new pod namespace should start with. */
  podSysctls(): Readonly<Record<string, string>>;
}

export interface PodNetworkOptions {
  readonly confDir: string;
  readonly binDirs: readonly string[];
  /** Directory of the result cache: `<cacheDir>/results/<network>-<containerId>-<ifName>`. */
  readonly cacheDir: string;
  readonly dataDir: string;
  /** Ranges of the built-in network; empty as long as they are not known. */
  readonly podCidrs: readonly string[];
  /** Default `auto`. */
  readonly routeBackend?: RouteBackend;
  readonly exec?: Exec;
  readonly setSysctl?: SetSysctl;
  readonly onWarning?: (message: string, fields: object) => void;
}

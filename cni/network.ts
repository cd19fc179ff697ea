import { existsSync } from 'node:fs';
import { createResultCache, type CachedAttachment, type ResultCache } from './cache.ts';
import { type Chain, type ChainAttachment, createChain } from './chain.ts';
import { builtInName, defaultNetwork, subnetsOf } from './default-network.ts';
import { ensureForwarding } from './forwarding/index.ts';
import { planForwarding } from './forwarding/plan.ts';
import { aggregate } from './ip/aggregate.ts';
import { attachmentKey } from './plugin.ts';
import { createPlugins } from './plugins.ts';
import { ensureRoutes } from './routes/index.ts';
import { readRoutingTable } from './routes/table.ts';
import type { ClusterNodes, RouteBackend } from './routes/types.ts';
import { CniError, cniErrorCode } from './spec/error.ts';
import { createConfigLoader } from './spec/load.ts';
import type { CniResult, NetworkConfigList, PortMapping } from './spec/types.ts';
import { attemptAll } from './util/attempt-all.ts';
import { exec as systemExec, type Exec } from './util/exec.ts';
import { createGate } from './util/gate.ts';
import type { SetSysctl } from './util/sysctl.ts';
import { messageOf } from './util/error-text.ts';

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
  /** It is the built-in one: no configuration says otherwise. */
  readonly isOwn: boolean;
  /** Why it is not ready. */
  readonly reason?: string;
}

/** The network of this node's pods. Every verb may be repeated. */
export interface PodNetwork {
  /** Makes the network's own state true: sysctls, forwarding, masquerade, routes. To be repeated now and then. */
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

type DelRequest = Omit<Attachment, 'netns'> & { readonly netns?: string };

const defaultIfName = 'eth0';

/**
 * The pod network by the configuration in `confDir`, or the built-in one where that is empty.
 *
 * @throws CniError when a pod CIDR is no network
 */
export function createPodNetwork(options: PodNetworkOptions): PodNetwork {
  return new Network(options);
}

class Network implements PodNetwork {
  readonly #options: PodNetworkOptions;
  readonly #exec: Exec;
  /** The built-in network; undefined as long as its ranges are not known. */
  #default: NetworkConfigList | undefined;
  readonly #loadConfig: ReturnType<typeof createConfigLoader>;
  readonly #cache: ResultCache;
  readonly #chain: Chain;
  readonly #gate = createGate();
  readonly #setupGate = createGate();
  #podCidrs: readonly string[] = [];
  /** Undefined for a node that stands alone, and as long as the others are not known. */
  #nodes: ClusterNodes | undefined;
  #podMtu: number | undefined;
  #status: NetworkStatus;
  #told = '';
  #toldPeers = '';
  /** After routes were made true; undefined as long as there are none to be made. */
  #routingTable: string | undefined;

  constructor(options: PodNetworkOptions) {
    this.#options = options;
    this.#exec = options.exec ?? systemExec;
    this.#loadConfig = createConfigLoader(options.confDir);
    const { dataDir, binDirs, setSysctl } = options;
    const onWarning = options.onWarning ?? (() => undefined);
    this.#cache = createResultCache(options.cacheDir, onWarning);
    const deps = { exec: this.#exec, dataDir, onWarning, ...(setSysctl === undefined ? {} : { setSysctl }) };
    this.#chain = createChain(createPlugins(deps, binDirs));
    this.#status = unknownRanges;
    this.setPodCidrs(options.podCidrs);
  }

  setPodCidrs(podCidrs: readonly string[]): void {
    this.#default = podCidrs.length === 0 ? undefined : defaultNetwork(podCidrs, this.#podMtu);
    this.#podCidrs = podCidrs;
    this.#status =
      this.#default === undefined ? unknownRanges : { ...describe(this.#default), isOwn: true, ready: true };
  }

  setNodes(nodes: ClusterNodes): void {
    this.#nodes = nodes;
  }

  async routesChanged(): Promise<boolean> {
    return this.#routingTable !== undefined && this.#routingTable !== (await readRoutingTable());
  }

  setup(signal: AbortSignal): Promise<void> {
    return this.#setupGate.exclusive(() => this.#setup(signal), signal);
  }

  async #setup(signal: AbortSignal): Promise<void> {
    const config = await this.#config();
    const isOwn = config === this.#default;
    try {
      await this.#forwarding(config, signal);
      this.#status = { ...describe(config), isOwn, ready: true };
    } catch (error) {
      signal.throwIfAborted();
      this.#status = {
        ...describe(config),
        isOwn,
        ready: false,
        reason: messageOf(error),
      };
      throw error;
    }
    await this.#routes(isOwn, signal);
  }

  async add(attachment: Attachment, signal: AbortSignal): Promise<CniResult> {
    const { containerId, ifName = defaultIfName } = attachment;
    const task = async (): Promise<CniResult> => {
      const cached = await this.#cache.get(containerId, ifName);
      if (cached?.deleting === false) return cached.result;
      const config = await this.#config();
      const result = await this.#chain.add(config, { ...attachment, ifName }, signal);
      await this.#cache.put({ ...attachment, ifName, config, result, deleting: false });
      return result;
    };
    return this.#gate.shared(attachmentKey(containerId, ifName), task, signal);
  }

  async del(attachment: DelRequest, signal: AbortSignal): Promise<void> {
    const { containerId, ifName = defaultIfName, pod, portMappings } = attachment;
    // An empty path is how the protocol says that there is no namespace.
    const netns = attachment.netns === '' ? undefined : attachment.netns;
    const task = async (): Promise<void> => {
      const cached = await this.#cache.get(containerId, ifName);
      if (cached === undefined) await this.#delUnknown({ containerId, ifName, pod, portMappings, netns }, signal);
      else await this.#delCached(cached, netns, signal);
    };
    await this.#gate.shared(attachmentKey(containerId, ifName), task, signal);
  }

  async check(attachment: Attachment, signal: AbortSignal): Promise<void> {
    const { containerId, ifName = defaultIfName } = attachment;
    const task = async (): Promise<void> => {
      const cached = await this.#cache.get(containerId, ifName);
      if (cached?.deleting !== false) {
        throw new CniError(cniErrorCode.unknownContainer, `container ${containerId} is not attached`);
      }
      await this.#chain.check(cached.config, { ...attachment, ifName }, cached.result, signal);
    };
    await this.#gate.shared(attachmentKey(containerId, ifName), task, signal);
  }

  async cached(containerId: string, ifName = defaultIfName): Promise<CniResult | undefined> {
    const cached = await this.#cache.get(containerId, ifName);
    return cached?.deleting === false ? cached.result : undefined;
  }

  async gc(listValid: () => Promise<ReadonlySet<string>>, signal: AbortSignal): Promise<void> {
    await this.#gate.exclusive(async () => {
      const containers = await listValid();
      await this.#cache.sweep();
      const entries = await this.#cache.list();
      const stale = entries.filter(({ containerId }) => !containers.has(containerId));
      const kept = entries.filter(({ containerId }) => containers.has(containerId));
      const valid = new Set([
        ...[...containers].map((id) => attachmentKey(id, defaultIfName)),
        ...kept.map(({ containerId, ifName }) => attachmentKey(containerId, ifName)),
      ]);
      await attemptAll(
        [
          ...stale.map((entry) => () => this.#delCached(entry, undefined, signal)),
          async () => this.#chain.gc(await this.#config(), valid, signal),
        ],
        signal,
        (task) => task(),
      );
    }, signal);
  }

  status(): NetworkStatus {
    return this.#status;
  }

  podSysctls(): Readonly<Record<string, string>> {
    const announce = { 'net.ipv4.conf.default.arp_notify': '1' };
    if (!this.#status.cidrs.some((cidr) => cidr.includes(':'))) return { ...announce, ...withoutIpv6() };
    return {
      ...announce,
      'net.ipv6.conf.all.disable_ipv6': '0',
      'net.ipv6.conf.default.disable_ipv6': '0',
      'net.ipv6.conf.default.accept_dad': '0',
      'net.ipv6.conf.default.ndisc_notify': '1',
    };
  }

  /** The network of now. A directory of broken files only is no reason to give pods another network than the user's. */
  async #config(): Promise<NetworkConfigList> {
    const { config, problems } = await this.#loadConfig();
    const text = problems.join('; ');
    if (text !== '' && text !== this.#told) this.#options.onWarning?.('CNI configuration is broken', { problems });
    this.#told = text;
    if (config !== undefined) return config;
    if (problems.length === 0 && this.#default !== undefined) return this.#default;
    const reason = problems.length === 0 ? rangesUnknown : `no valid CNI configuration: ${text}`;
    this.#status = { ...this.#status, ready: false, reason };
    throw new CniError(cniErrorCode.invalidNetworkConfig, reason);
  }

  /** Pods of a network that is not configured any more need it until the last one is gone. */
  async #forwarding(config: NetworkConfigList, signal: AbortSignal): Promise<void> {
    const { setSysctl } = this.#options;
    const attached = (await this.#cache.list()).map((entry) => entry.config);
    const { clusterCidrs = [], peers = [] } = this.#nodes ?? {};
    const otherPods = aggregate([...clusterCidrs, ...peers.flatMap(({ podCidrs }) => podCidrs)]);
    const networks = planForwarding([config, ...attached], otherPods);
    await ensureForwarding({ networks, exec: this.#exec, ...(setSysctl === undefined ? {} : { setSysctl }) }, signal);
  }

  /** Routes belong to the built-in network: with a configuration of the user's its plugins know where pods are. */
  async #routes(isOwn: boolean, signal: AbortSignal): Promise<void> {
    if (this.#nodes === undefined) return;
    const { nodeIps, peers } = this.#nodes;
    const request = { nodeIps, podCidrs: this.#podCidrs, backend: this.#options.routeBackend ?? 'auto' };
    const { podMtu, problems } = await ensureRoutes({ ...request, peers: isOwn ? peers : [] }, this.#exec, signal);
    this.#routingTable = await readRoutingTable();
    if (isOwn && podMtu !== this.#podMtu) {
      this.#podMtu = podMtu;
      this.#default = defaultNetwork(this.#podCidrs, podMtu);
    }
    const text = problems.join('; ');
    if (text !== '' && text !== this.#toldPeers) this.#options.onWarning?.('pods of other nodes', { problems });
    this.#toldPeers = text;
  }

  /** DEL by the configuration of the ADD; the cache entry is marked first and goes last. */
  async #delCached(cached: CachedAttachment, netns: string | undefined, signal: AbortSignal): Promise<void> {
    // On a full disk too a pod must be able to go: then only a kill within this DEL would do harm.
    if (!cached.deleting) await this.#cache.put({ ...cached, deleting: true }).catch(() => undefined);
    await this.#chain.del(cached.config, { ...cached, netns }, cached.result, signal);
    await this.#cache.remove(cached.containerId, cached.ifName);
  }

  /**
   * What an ADD left that was killed before its result was stored. Without a valid configuration nothing can be
   * attached, and a pod that waits for one must be able to go: what there may be is left to GC.
   */
  async #delUnknown(attachment: ChainAttachment, signal: AbortSignal): Promise<void> {
    const config = await this.#config().catch((error: unknown) => {
      if (error instanceof CniError && error.code === cniErrorCode.invalidNetworkConfig) return undefined;
      throw error;
    });
    if (config !== undefined) await this.#chain.del(config, attachment, undefined, signal);
    await this.#cache.remove(attachment.containerId, attachment.ifName);
  }
}

const rangesUnknown = 'the node has no podCIDR yet, and there is no CNI configuration';

const unknownRanges: NetworkStatus = {
  ready: false,
  name: builtInName,
  plugins: [],
  cidrs: [],
  isOwn: true,
  reason: rangesUnknown,
};

function describe(config: NetworkConfigList): Omit<NetworkStatus, 'ready' | 'isOwn'> {
  return { name: config.name, plugins: config.plugins.map(({ type }) => type), cidrs: subnetsOf(config) };
}

/** Without this, links of pods get link-local addresses, and look for routers. A kernel may have no IPv6 at all. */
function withoutIpv6(): Readonly<Record<string, string>> {
  return existsSync('/proc/sys/net/ipv6') ? { 'net.ipv6.conf.all.disable_ipv6': '1' } : {};
}

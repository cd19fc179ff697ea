import { createAttachments } from './attachments.ts';
import { createResultCache, type ResultCache } from './cache.ts';
import { createChain } from './chain.ts';
import { builtInName, defaultNetwork, subnetsOf } from './default-network.ts';
import { ensureForwarding } from './forwarding/index.ts';
import { planForwarding } from './forwarding/plan.ts';
import { aggregate } from './ip/aggregate.ts';
import { createPlugins } from './plugins.ts';
import { podSysctls } from './pod-sysctls.ts';
import { ensureRoutes } from './routes/index.ts';
import { readRoutingTable } from './routes/table.ts';
import type { ClusterNodes } from './routes/types.ts';
import { CniError, cniErrorCode } from './spec/error.ts';
import { createConfigLoader } from './spec/load.ts';
import type { CniResult, NetworkConfigList } from './spec/types.ts';
import type { Attachment, Detachment, NetworkStatus, PodAttachments, PodNetwork, PodNetworkOptions } from './types.ts';
import { exec as systemExec, type Exec } from './util/exec.ts';
import { createGate } from './util/gate.ts';
import { messageOf } from './util/error-text.ts';

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
  readonly #attachments: PodAttachments;
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
    this.#attachments = createAttachments({
      cache: this.#cache,
      chain: createChain(createPlugins(deps, binDirs)),
      config: () => this.#config(),
    });
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

  add(attachment: Attachment, signal: AbortSignal): Promise<CniResult> {
    return this.#attachments.add(attachment, signal);
  }

  del(attachment: Detachment, signal: AbortSignal): Promise<void> {
    return this.#attachments.del(attachment, signal);
  }

  check(attachment: Attachment, signal: AbortSignal): Promise<void> {
    return this.#attachments.check(attachment, signal);
  }

  cached(containerId: string, ifName?: string): Promise<CniResult | undefined> {
    return this.#attachments.cached(containerId, ifName);
  }

  gc(listValid: () => Promise<ReadonlySet<string>>, signal: AbortSignal): Promise<void> {
    return this.#attachments.gc(listValid, signal);
  }

  status(): NetworkStatus {
    return this.#status;
  }

  podSysctls(): Readonly<Record<string, string>> {
    return podSysctls(this.#status.cidrs);
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

import { createResultCache, type CachedAttachment, type ResultCache } from './cache.ts';
import { defaultNetwork, subnetsOf } from './default-network.ts';
import { ensureForwarding } from './forwarding/index.ts';
import { attachmentKey, type BuiltInPlugin, type PluginRequest } from './plugin.ts';
import { createPlugins, isBuiltIn } from './plugins.ts';
import { CniError, cniErrorCode } from './spec/error.ts';
import { createConfigLoader } from './spec/load.ts';
import type { CniResult, NetworkConfigList, PluginConfig, PortMapping } from './spec/types.ts';
import { exec as systemExec, type Exec } from './util/exec.ts';
import { createGate } from './util/gate.ts';
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
  /** Ranges of the built-in network. */
  readonly podCidrs: readonly string[];
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
  readonly #default: NetworkConfigList;
  readonly #loadConfig: ReturnType<typeof createConfigLoader>;
  readonly #cache: ResultCache;
  readonly #plugin: (type: string) => BuiltInPlugin;
  readonly #gate = createGate();
  #status: NetworkStatus;
  #told = '';

  constructor(options: PodNetworkOptions) {
    this.#options = options;
    this.#exec = options.exec ?? systemExec;
    this.#default = defaultNetwork(options.podCidrs);
    this.#loadConfig = createConfigLoader(options.confDir);
    this.#cache = createResultCache(options.cacheDir);
    const { dataDir, binDirs, setSysctl } = options;
    const onWarning = options.onWarning ?? (() => undefined);
    const deps = { exec: this.#exec, dataDir, onWarning, ...(setSysctl === undefined ? {} : { setSysctl }) };
    this.#plugin = createPlugins(deps, binDirs);
    this.#status = { ...describe(this.#default), ready: true };
  }

  async setup(signal: AbortSignal): Promise<void> {
    const config = await this.#config();
    const bridge = config.plugins.find(({ type }) => type === 'bridge');
    try {
      if (bridge !== undefined) await this.#forwarding(config, bridge, signal);
      this.#status = { ...describe(config), ready: true };
    } catch (error) {
      signal.throwIfAborted();
      this.#status = { ...describe(config), ready: false, reason: messageOf(error) };
      throw error;
    }
  }

  async add(attachment: Attachment, signal: AbortSignal): Promise<CniResult> {
    const ifName = attachment.ifName ?? defaultIfName;
    return this.#gate.shared(attachmentKey(attachment.containerId, ifName), async () => {
      const cached = await this.#cache.get(attachment.containerId, ifName);
      if (cached?.deleting === false) return cached.result;
      const config = await this.#config();
      const result = await this.#addChain(config, attachment, ifName, signal);
      await this.#cache.put({ ...attachment, ifName, config, result, deleting: false });
      return result;
    });
  }

  async del(attachment: DelRequest, signal: AbortSignal): Promise<void> {
    const ifName = attachment.ifName ?? defaultIfName;
    await this.#gate.shared(attachmentKey(attachment.containerId, ifName), async () => {
      const cached = await this.#cache.get(attachment.containerId, ifName);
      await this.#delChain(cached, { ...attachment, ifName }, signal);
    });
  }

  async check(attachment: Attachment, signal: AbortSignal): Promise<void> {
    const ifName = attachment.ifName ?? defaultIfName;
    const cached = await this.#cache.get(attachment.containerId, ifName);
    if (cached === undefined) {
      throw new CniError(cniErrorCode.unknownContainer, `container ${attachment.containerId} is not attached`);
    }
    if (cached.config.disableCheck) return;
    for (const plugin of cached.config.plugins) {
      const request = toRequest(cached.config, plugin, { ...attachment, ifName }, cached.result);
      await this.#plugin(plugin.type).check(request, signal);
    }
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
      for (const entry of stale) await this.#delChain(entry, { ...entry, netns: '' }, signal);
      const valid = new Set([...containers].map((id) => attachmentKey(id, defaultIfName)));
      for (const { containerId, ifName } of entries) {
        if (containers.has(containerId)) valid.add(attachmentKey(containerId, ifName));
      }
      await this.#gcPlugins(await this.#config(), valid, signal);
    });
  }

  status(): NetworkStatus {
    return this.#status;
  }

  podSysctls(): Readonly<Record<string, string>> {
    const announce = { 'net.ipv4.conf.default.arp_notify': '1' };
    if (!this.#status.cidrs.some((cidr) => cidr.includes(':'))) return announce;
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
    if (problems.length === 0) return this.#default;
    this.#status = { ...this.#status, ready: false, reason: `no valid CNI configuration: ${text}` };
    throw new CniError(cniErrorCode.invalidNetworkConfig, `no valid CNI configuration: ${text}`);
  }

  async #forwarding(config: NetworkConfigList, bridge: PluginConfig, signal: AbortSignal): Promise<void> {
    const { setSysctl } = this.#options;
    await ensureForwarding(
      {
        network: config.name,
        cidrs: subnetsOf(config),
        masquerade: bridge['ipMasq'] === true,
        exec: this.#exec,
        ...(setSysctl === undefined ? {} : { setSysctl }),
      },
      signal,
    );
  }

  /** ADD of each plugin in order, the result of one handed to the next; a failure undoes what there is. */
  async #addChain(
    config: NetworkConfigList,
    attachment: Attachment,
    ifName: string,
    signal: AbortSignal,
  ): Promise<CniResult> {
    let result: CniResult | undefined;
    try {
      for (const plugin of config.plugins) {
        const request = toRequest(config, plugin, { ...attachment, ifName }, result);
        result = await this.#plugin(plugin.type).add(request, signal);
      }
    } catch (error) {
      // An aborted ADD is left to DEL: the daemon stops, or the sandbox is about to be removed.
      if (!signal.aborted) await this.#delChain(undefined, { ...attachment, ifName }, signal).catch(() => undefined);
      throw error;
    }
    return result ?? { cniVersion: config.cniVersion };
  }

  /** DEL of each plugin in reverse, by the configuration of the ADD; the cache entry is marked first and goes last. */
  async #delChain(
    cached: CachedAttachment | undefined,
    attachment: DelRequest & { readonly ifName: string },
    signal: AbortSignal,
  ): Promise<void> {
    const config = cached?.config ?? (await this.#config());
    const known = cached === undefined ? attachment : { ...cached, netns: attachment.netns ?? '' };
    // On a full disk too a pod must be able to go: then only a kill within this DEL would do harm.
    if (cached?.deleting === false) await this.#cache.put({ ...cached, deleting: true }).catch(() => undefined);
    for (const plugin of [...config.plugins].reverse()) {
      // What was never attached needs no plugin of somebody else: it could only fail for want of a namespace.
      if (cached === undefined && !isBuiltIn(plugin.type) && attachment.netns === undefined) continue;
      await this.#plugin(plugin.type).del(toRequest(config, plugin, known, cached?.result), signal);
    }
    await this.#cache.remove(attachment.containerId, attachment.ifName ?? defaultIfName);
  }

  async #gcPlugins(config: NetworkConfigList, valid: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    if (config.disableGC) return;
    for (const plugin of config.plugins) {
      // GC is of specification 1.1: a plugin of somebody else that speaks less does not know it.
      if (!isBuiltIn(plugin.type) && config.cniVersion !== '1.1.0') continue;
      await this.#plugin(plugin.type).gc(config.name, plugin, valid, signal);
    }
  }
}

function toRequest(
  config: NetworkConfigList,
  plugin: PluginConfig,
  attachment: DelRequest,
  prevResult: CniResult | undefined,
): PluginRequest {
  const { containerId, netns, ifName = defaultIfName, pod, portMappings } = attachment;
  return {
    cniVersion: config.cniVersion,
    network: config.name,
    config: plugin,
    containerId,
    netns: netns === '' ? undefined : netns,
    ifName,
    pod,
    portMappings,
    prevResult,
  };
}

function describe(config: NetworkConfigList): Omit<NetworkStatus, 'ready'> {
  return { name: config.name, plugins: config.plugins.map(({ type }) => type), cidrs: subnetsOf(config) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import type { CachedAttachment, ResultCache } from './cache.ts';
import type { Chain, ChainAttachment } from './chain.ts';
import { attachmentKey } from './plugin.ts';
import { CniError, cniErrorCode } from './spec/error.ts';
import type { CniResult, NetworkConfigList } from './spec/types.ts';
import type { Attachment, Detachment, PodAttachments } from './types.ts';
import { attemptAll } from './util/attempt-all.ts';
import { createGate } from './util/gate.ts';

const defaultIfName = 'eth0';

export interface AttachmentsDeps {
  readonly cache: ResultCache;
  readonly chain: Chain;
  /**
   * The network of now, which pods that come are attached to.
   *
   * @throws CniError of code `invalidNetworkConfig` when there is none
   */
  readonly config: () => Promise<NetworkConfigList>;
}

/** Attaches pods, and detaches them by what they were attached by. Verbs for one container run one after the other. */
export function createAttachments(deps: AttachmentsDeps): PodAttachments {
  return new Attachments(deps);
}

class Attachments implements PodAttachments {
  readonly #deps: AttachmentsDeps;
  readonly #gate = createGate();

  constructor(deps: AttachmentsDeps) {
    this.#deps = deps;
  }

  async add(attachment: Attachment, signal: AbortSignal): Promise<CniResult> {
    const { containerId, ifName = defaultIfName } = attachment;
    const task = async (): Promise<CniResult> => {
      const cached = await this.#deps.cache.get(containerId, ifName);
      if (cached?.deleting === false) return cached.result;
      const config = await this.#deps.config();
      const result = await this.#deps.chain.add(config, { ...attachment, ifName }, signal);
      await this.#deps.cache.put({ ...attachment, ifName, config, result, deleting: false });
      return result;
    };
    return this.#gate.shared(attachmentKey(containerId, ifName), task, signal);
  }

  async del(attachment: Detachment, signal: AbortSignal): Promise<void> {
    const { containerId, ifName = defaultIfName, pod, portMappings } = attachment;
    // An empty path is how the protocol says that there is no namespace.
    const netns = attachment.netns === '' ? undefined : attachment.netns;
    const task = async (): Promise<void> => {
      const cached = await this.#deps.cache.get(containerId, ifName);
      if (cached === undefined) await this.#delUnknown({ containerId, ifName, pod, portMappings, netns }, signal);
      else await this.#delCached(cached, netns, signal);
    };
    await this.#gate.shared(attachmentKey(containerId, ifName), task, signal);
  }

  async check(attachment: Attachment, signal: AbortSignal): Promise<void> {
    const { containerId, ifName = defaultIfName } = attachment;
    const task = async (): Promise<void> => {
      const cached = await this.#deps.cache.get(containerId, ifName);
      if (cached?.deleting !== false) {
        throw new CniError(cniErrorCode.unknownContainer, `container ${containerId} is not attached`);
      }
      await this.#deps.chain.check(cached.config, { ...attachment, ifName }, cached.result, signal);
    };
    await this.#gate.shared(attachmentKey(containerId, ifName), task, signal);
  }

  async cached(containerId: string, ifName = defaultIfName): Promise<CniResult | undefined> {
    const cached = await this.#deps.cache.get(containerId, ifName);
    return cached?.deleting === false ? cached.result : undefined;
  }

  async gc(listValid: () => Promise<ReadonlySet<string>>, signal: AbortSignal): Promise<void> {
    await this.#gate.exclusive(async () => {
      const containers = await listValid();
      await this.#deps.cache.sweep();
      const entries = await this.#deps.cache.list();
      const stale = entries.filter(({ containerId }) => !containers.has(containerId));
      const kept = entries.filter(({ containerId }) => containers.has(containerId));
      const valid = new Set([
        ...[...containers].map((id) => attachmentKey(id, defaultIfName)),
        ...kept.map(({ containerId, ifName }) => attachmentKey(containerId, ifName)),
      ]);
      await attemptAll(
        [
          ...stale.map((entry) => () => this.#delCached(entry, undefined, signal)),
          async () => this.#deps.chain.gc(await this.#deps.config(), valid, signal),
        ],
        signal,
        (task) => task(),
      );
    }, signal);
  }

  /** DEL by the configuration of the ADD; the cache entry is marked first and goes last. */
  async #delCached(cached: CachedAttachment, netns: string | undefined, signal: AbortSignal): Promise<void> {
    // On a full disk too a pod must be able to go: then only a kill within this DEL would do harm.
    if (!cached.deleting) await this.#deps.cache.put({ ...cached, deleting: true }).catch(() => undefined);
    await this.#deps.chain.del(cached.config, { ...cached, netns }, cached.result, signal);
    await this.#deps.cache.remove(cached.containerId, cached.ifName);
  }

  /**
   * What an ADD left that was killed before its result was stored. Without a valid configuration nothing can be
   * attached, and a pod that waits for one must be able to go: what there may be is left to GC.
   */
  async #delUnknown(attachment: ChainAttachment, signal: AbortSignal): Promise<void> {
    const config = await this.#deps.config().catch((error: unknown) => {
      if (error instanceof CniError && error.code === cniErrorCode.invalidNetworkConfig) return undefined;
      throw error;
    });
    if (config !== undefined) await this.#deps.chain.del(config, attachment, undefined, signal);
    await this.#deps.cache.remove(attachment.containerId, attachment.ifName);
  }
}

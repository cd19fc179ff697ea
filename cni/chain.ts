import type { BuiltInPlugin, PluginRequest } from './plugin.ts';
import { isBuiltIn } from './plugins.ts';
import type { CniResult, NetworkConfigList, PluginConfig } from './spec/types.ts';
import { attemptAll } from './util/attempt-all.ts';

/** What a list of plugins is run for. `netns` is undefined when there is no namespace, or none any more. */
export type ChainAttachment = Pick<PluginRequest, 'containerId' | 'ifName' | 'netns' | 'pod' | 'portMappings'>;

/** Runs the plugins of a configuration list in the order that each verb asks for (spec section 2). */
export interface Chain {
  /** Each plugin in order, the result of one handed to the next. A failure undoes what there is; an abort does not. */
  add(config: NetworkConfigList, attachment: ChainAttachment, signal: AbortSignal): Promise<CniResult>;
  /** Each plugin in reverse order, each with the result of the whole ADD; the first failure ends it. */
  del(
    config: NetworkConfigList,
    attachment: ChainAttachment,
    result: CniResult | undefined,
    signal: AbortSignal,
  ): Promise<void>;
  check(config: NetworkConfigList, attachment: ChainAttachment, result: CniResult, signal: AbortSignal): Promise<void>;
  /** @param valid keys by `attachmentKey` */
  gc(config: NetworkConfigList, valid: ReadonlySet<string>, signal: AbortSignal): Promise<void>;
}

export function createChain(plugin: (type: string) => BuiltInPlugin): Chain {
  const del: Chain['del'] = async (config, attachment, result, signal) => {
    for (const { type, request } of requests(config, attachment, result).reverse()) {
      // What was never attached needs no plugin of somebody else: it could only fail for want of a namespace.
      if (result === undefined && !isBuiltIn(type) && attachment.netns === undefined) continue;
      await plugin(type).del(request, signal);
    }
  };
  return {
    del,
    add: async (config, attachment, signal) => {
      let result: CniResult | undefined;
      try {
        for (const { type, request } of requests(config, attachment, undefined)) {
          result = await plugin(type).add({ ...request, prevResult: result }, signal);
        }
      } catch (error) {
        // An aborted ADD is left to DEL: the daemon stops, or the sandbox is about to be removed.
        if (!signal.aborted) await del(config, attachment, undefined, signal).catch(() => undefined);
        throw error;
      }
      return result ?? { cniVersion: config.cniVersion };
    },
    check: async (config, attachment, result, signal) => {
      if (config.disableCheck) return;
      for (const { type, request } of requests(config, attachment, result)) await plugin(type).check(request, signal);
    },
    gc: async (config, valid, signal) => {
      if (config.disableGC) return;
      await attemptAll(config.plugins, signal, async ({ type, ...rest }) => {
        // GC is of specification 1.1: a plugin of somebody else that speaks less does not know it.
        if (!isBuiltIn(type) && config.cniVersion !== '1.1.0') return;
        await plugin(type).gc(config.name, { type, ...rest }, valid, signal);
      });
    },
  };
}

function requests(
  config: NetworkConfigList,
  attachment: ChainAttachment,
  prevResult: CniResult | undefined,
): { type: string; request: PluginRequest }[] {
  const { cniVersion, name: network } = config;
  const { containerId, ifName, netns, pod, portMappings } = attachment;
  return config.plugins.map((plugin: PluginConfig) => ({
    type: plugin.type,
    request: { cniVersion, network, config: plugin, containerId, netns, ifName, pod, portMappings, prevResult },
  }));
}

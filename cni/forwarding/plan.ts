import { builtInName, subnetsOf } from '../default-network.ts';
import type { NetworkConfigList } from '../spec/types.ts';
import type { NetworkRules } from './render.ts';

/**
 * What the host lets through: the networks of configurations with a bridge, each name once. Of one name the first
 * configuration says whether there is masquerade, and all say which subnets there are.
 *
 * @param configs the one of now, then those that pods were attached by
 * @param otherPods ranges of other nodes' pods, which the built-in network does not masquerade
 */
export function planForwarding(
  configs: readonly NetworkConfigList[],
  otherPods: readonly string[] = [],
): NetworkRules[] {
  const networks = new Map<string, NetworkRules>();
  for (const config of configs) {
    const bridge = config.plugins.find(({ type }) => type === 'bridge');
    if (bridge === undefined) continue;
    const known = networks.get(config.name);
    networks.set(config.name, {
      network: config.name,
      cidrs: [...new Set([...(known?.cidrs ?? []), ...subnetsOf(config)])],
      masquerade: known?.masquerade ?? bridge['ipMasq'] === true,
      ...(config.name === builtInName && otherPods.length > 0 ? { unmasqueraded: otherPods } : {}),
    });
  }
  return [...networks.values()];
}

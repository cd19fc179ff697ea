import { formatNetwork, parseCidr } from './ip/cidr.ts';
import { CniError, cniErrorCode } from './spec/error.ts';
import { currentVersion } from './spec/config.ts';
import type { NetworkConfigList } from './spec/types.ts';

/**
 * The network that pods get where `/etc/cni/net.d` holds no configuration: a bridge with an address of each range, masquerade
 * for what leaves them, host ports.
 *
 * @param podCidrs one range, or one of each family
 */
export function defaultNetwork(podCidrs: readonly string[]): NetworkConfigList {
  const subnets = podCidrs.map(networkOf);
  return {
    cniVersion: currentVersion,
    name: 'podwright',
    disableCheck: false,
    disableGC: false,
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        isDefaultGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: { type: 'host-local', ranges: subnets.map((subnet) => [{ subnet }]) },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

/** Subnets of the bridge plugins in a list: the addresses that its pods can have. */
export function subnetsOf(config: NetworkConfigList): string[] {
  const subnets = config.plugins.flatMap(({ ipam }) => {
    const ranges = (ipam?.['ranges'] ?? [[ipam ?? {}]]) as { subnet?: unknown }[][];
    return ranges.flat().map(({ subnet }) => subnet);
  });
  return subnets.flatMap((subnet) =>
    typeof subnet === 'string' && parseCidr(subnet) !== undefined ? [networkOf(subnet)] : [],
  );
}

function networkOf(text: string): string {
  const cidr = parseCidr(text);
  if (cidr !== undefined) return formatNetwork(cidr);
  throw new CniError(cniErrorCode.invalidNetworkConfig, `pod CIDR ${text} is no network such as 203.0.113.0/24`);
}

import { formatNetwork, parseCidr } from './ip/cidr.ts';
import { CniError, cniErrorCode } from './spec/error.ts';
import { currentVersion } from './spec/config.ts';
import type { NetworkConfigList } from './spec/types.ts';

/** Name of the network that pods get where nothing is configured. */
export const builtInName = 'podwright';
export const builtInBridge = 'cni0';

/**
 * The network that pods get where `/etc/cni/net.d` holds no configuration: a bridge with an address of each range, masquerade
 * for what leaves them, host ports.
 *
 * @param podCidrs one range, or one of each family
 * @param mtu of the pods' links; undefined for the kernel's default
 */
export function defaultNetwork(podCidrs: readonly string[], mtu?: number): NetworkConfigList {
  const subnets = podCidrs.map(networkOf);
  return {
    cniVersion: currentVersion,
    name: builtInName,
    disableCheck: false,
    disableGC: false,
    plugins: [
      {
        type: 'bridge',
        bridge: builtInBridge,
        isGateway: true,
        isDefaultGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ...(mtu === undefined ? {} : { mtu }),
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

import { parseHostLocal, type HostLocalConfig } from '../ipam/ranges.ts';
import { CniError, cniErrorCode } from '../spec/error.ts';
import type { PluginConfig } from '../spec/types.ts';

/** The keys of the bridge plugin that are acted on. */
export interface BridgeConfig {
  readonly bridge: string;
  /** The bridge has the gateway's addresses. */
  readonly isGateway: boolean;
  readonly isDefaultGateway: boolean;
  readonly hairpinMode: boolean;
  /** 0: the kernel's default. */
  readonly mtu: number;
  readonly ipam: HostLocalConfig;
}

/** Keys whose neglect would change what a pod can reach. */
const unsupported = ['vlan', 'vlanTrunk', 'promiscMode', 'macspoofchk', 'disableContainerInterface', 'portIsolation'];

/** Longest name of a link (`IFNAMSIZ` less the terminator). */
const linkName = /^[^\s/:]{1,15}$/;

export function parseBridge(config: PluginConfig): BridgeConfig {
  for (const key of unsupported) {
    if (config[key]) throw new CniError(cniErrorCode.unsupportedField, `bridge: ${key} is not supported`);
  }
  const { ipam, bridge = 'cni0', mtu = 0 } = config;
  if (typeof bridge !== 'string' || !linkName.test(bridge)) invalid('bridge must be the name of a link');
  if (typeof mtu !== 'number' || !Number.isInteger(mtu) || mtu < 0) invalid('mtu must be a number');
  if (ipam?.type !== 'host-local') {
    throw new CniError(
      cniErrorCode.unsupportedField,
      `bridge: ipam.type must be host-local, not ${ipam?.type ?? 'empty'}`,
    );
  }
  const isDefaultGateway = config['isDefaultGateway'] === true;
  return {
    bridge,
    mtu,
    isDefaultGateway,
    isGateway: isDefaultGateway || config['isGateway'] === true,
    hairpinMode: config['hairpinMode'] === true,
    ipam: parseHostLocal(ipam),
  };
}

function invalid(message: string): never {
  throw new CniError(cniErrorCode.invalidNetworkConfig, `bridge: ${message}`);
}

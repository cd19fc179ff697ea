import { parseHostLocal, type HostLocalConfig } from '../ipam/ranges.ts';
import { CniError, cniErrorCode } from '../spec/error.ts';
import type { PluginConfig } from '../spec/types.ts';

/** The keys of the bridge plugin that are acted on (https://www.cni.dev/plugins/current/main/bridge/). */
export interface BridgeConfig {
  readonly bridge: string;
  /** The bridge has the gateway's addresses. It gets them beside others that it has: `forceAddress` changes nothing. */
  readonly isGateway: boolean;
  /** Pods get a default route through the bridge. */
  readonly isDefaultGateway: boolean;
  /** A pod may reach itself through a Service or a host port. */
  readonly hairpinMode: boolean;
  /** 0: the kernel's default. */
  readonly mtu: number;
  readonly ipam: HostLocalConfig;
}

/** Keys whose neglect would change what a pod can reach. */
const unsupported = ['vlan', 'vlanTrunk', 'promiscMode', 'macspoofchk', 'disableContainerInterface', 'portIsolation'];

/** Longest name of a link: `IFNAMSIZ` less the terminator. */
const linkName = /^[A-Za-z0-9_][^\s/:]{0,14}$/;

/** Least MTU of IPv4 (RFC 791), and what a 16-bit length allows. */
const mtuBounds = { least: 68, most: 65_535 };

/** @throws CniError with the key that is wrong, or that asks for what is not supported */
export function parseBridge(config: PluginConfig): BridgeConfig {
  const asked = unsupported.find((key) => Boolean(config[key]));
  if (asked !== undefined) refuse(`${asked} is not supported: remove it`);
  const isDefaultGateway = parseBoolean(config, 'isDefaultGateway');
  const { ipam } = config;
  if (ipam?.type !== 'host-local') return refuse(`ipam.type must be host-local, not ${ipam?.type ?? 'empty'}`);
  return {
    bridge: parseLinkName(config['bridge'] ?? 'cni0', 'bridge'),
    mtu: parseMtu(config['mtu'] ?? 0),
    isDefaultGateway,
    isGateway: parseBoolean(config, 'isGateway') || isDefaultGateway,
    hairpinMode: parseBoolean(config, 'hairpinMode'),
    ipam: parseHostLocal(ipam),
  };
}

/** A link's name goes into the input of `ip -batch`: it must not be more than a name. */
export function parseLinkName(value: unknown, key: string): string {
  return typeof value === 'string' && linkName.test(value) ? value : invalid(`${key} must be the name of a link`);
}

function parseMtu(value: unknown): number {
  if (value === 0) return value;
  const { least, most } = mtuBounds;
  const fits = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
  return fits ? value : invalid(`mtu must be 0 or from ${least} to ${most}`);
}

function parseBoolean(config: PluginConfig, key: string): boolean {
  const value = config[key] ?? false;
  return typeof value === 'boolean' ? value : invalid(`${key} must be true or false`);
}

function refuse(message: string): never {
  throw new CniError(cniErrorCode.unsupportedField, `bridge: ${message}`);
}

function invalid(message: string): never {
  throw new CniError(cniErrorCode.invalidNetworkConfig, `bridge: ${message}`);
}

/*
 * Input of `ip -batch -`: one process for the host's side of an attachment, one for the pod's.
 *
 *   host:  bridge (when missing), its MAC, addresses, up
 *          veth HOST <-> eth0 in the pod's namespace, MAC from the address; HOST on the bridge, hairpin, up
 *   pod:   lo up; addresses on eth0, without duplicate address detection; eth0 up, which announces them; routes
 */

import type { CniIp, CniRoute } from '../spec/types.ts';

export interface BridgeLink {
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  /** Addresses with prefix; empty when the bridge is no gateway. */
  readonly addresses: readonly string[];
  /** The bridge is not there yet. */
  readonly create: boolean;
}

export interface PodLink {
  readonly hostName: string;
  readonly ifName: string;
  readonly mac: string;
  readonly mtu: number;
  readonly hairpin: boolean;
  /** Name or PID that `ip link … netns` takes. */
  readonly netns: string;
}

const nodad = (address: string): string => (address.includes(':') ? ' nodad' : '');
const mtuOption = (mtu: number): string => (mtu === 0 ? '' : ` mtu ${mtu}`);

/** Makes the bridge, or repairs what somebody changed about it: all of it may be repeated. */
export function renderBridge({ name, mac, mtu, addresses, create }: BridgeLink): string[] {
  return [
    ...(create ? [`link add name ${name}${mtuOption(mtu)} address ${mac} type bridge`] : []),
    ...addresses.map((address) => `addr replace ${address} dev ${name}${nodad(address)}`),
    `link set dev ${name} up`,
  ];
}

export function renderHostSide(bridge: string, link: PodLink): string[] {
  const { hostName, ifName, mac, mtu, hairpin, netns } = link;
  const peer = `peer name ${ifName} address ${mac}${mtuOption(mtu)} netns ${netns}`;
  return [
    `link add name ${hostName}${mtuOption(mtu)} master ${bridge} up type veth ${peer}`,
    ...(hairpin ? [`link set dev ${hostName} type bridge_slave hairpin on`] : []),
  ];
}

export function renderPodSide(ifName: string, ips: readonly CniIp[], routes: readonly CniRoute[]): string[] {
  return [
    'link set dev lo up',
    ...ips.map(({ address }) => `addr replace ${address} dev ${ifName}${nodad(address)}`),
    `link set dev ${ifName} up`,
    ...routes.map(({ dst, gw }) => `route replace ${dst}${gw === undefined ? '' : ` via ${gw}`} dev ${ifName}`),
  ];
}

export const toBatch = (lines: readonly string[]): string => `${lines.join('\n')}\n`;

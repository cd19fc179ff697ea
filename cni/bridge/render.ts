/*
 * Input of `ip -batch -`: one process for the host's side of an attachment, one for the pod's.
 *
 *   host:  bridge (when missing), its MAC, alias; addresses, up
 *          veth HOST <-> eth0 in the pod's namespace, MAC from the address; HOST on the bridge, hairpin, up; alias;
 *          stale neighbours
 *   pod:   eth0 and lo up; addresses on eth0, without duplicate address detection; routes; announcement of the addresses
 *
 * The announcement is the last: a port of a bridge forwards only a moment after its other end came up, and what `up`
 * announces is lost. It tells pods that knew one of the addresses under another MAC; one that misses it finds out by
 * neighbour unreachability detection, in less than a minute (RFC 4861 section 7.3).
 */

import type { CniIp, CniRoute } from '../spec/types.ts';
import { linkAlias } from './names.ts';

export interface BridgeLink {
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  /** Addresses with prefix; empty when the bridge is no gateway. */
  readonly addresses: readonly string[];
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

/** Makes the bridge, or repairs what somebody changed about one that is there: then all of it may be repeated. */
export function renderBridge({ name, mac, mtu, addresses }: BridgeLink, create: boolean): string[] {
  return [
    ...(create
      ? [`link add name ${name}${mtuOption(mtu)} address ${mac} type bridge`, `link set dev ${name} alias ${linkAlias}`]
      : []),
    ...addresses.map((address) => `addr replace ${address} dev ${name}${nodad(address)}`),
    `link set dev ${name} up`,
  ];
}

/** The host forgets whose the IPv6 addresses were: with an IPv4 address of another value comes another MAC. */
export function renderHostSide(bridge: string, link: PodLink, ips: readonly CniIp[]): string[] {
  const { hostName, ifName, mac, mtu, hairpin, netns } = link;
  const peer = `peer name ${ifName} address ${mac}${mtuOption(mtu)} netns ${netns}`;
  return [
    `link add name ${hostName}${mtuOption(mtu)} master ${bridge} up type veth ${peer}`,
    `link set dev ${hostName} alias ${linkAlias}`,
    ...(hairpin ? [`link set dev ${hostName} type bridge_slave hairpin on`] : []),
    ...ips
      .map(({ address }) => address.split('/')[0] ?? '')
      .filter((ip) => ip.includes(':'))
      .map((ip) => `neigh flush to ${ip} dev ${bridge}`),
  ];
}

/** The hardware address is set to what it is: the kernel then announces all addresses (`arp_notify`, `ndisc_notify`). */
export function renderPodSide(
  { ifName, mac }: Pick<PodLink, 'ifName' | 'mac'>,
  ips: readonly CniIp[],
  routes: readonly CniRoute[],
): string[] {
  return [
    `link set dev ${ifName} up`,
    'link set dev lo up',
    ...ips.map(({ address }) => `addr replace ${address} dev ${ifName}${nodad(address)}`),
    ...routes.map((route) => `route replace ${renderRoute(route)} dev ${ifName}`),
    `link set dev ${ifName} address ${mac}`,
  ];
}

function renderRoute({ dst, gw, mtu, advmss, priority, table, scope }: CniRoute): string {
  const options = { via: gw, mtu, advmss, metric: priority, table, scope };
  const words = Object.entries(options).flatMap(([key, value]) => (value === undefined ? [] : [key, value]));
  return [dst, ...words].join(' ');
}

export const toBatch = (lines: readonly string[]): string => `${lines.join('\n')}\n`;

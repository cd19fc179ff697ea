import { createHash } from 'node:crypto';
import { formatIp, parseIp } from '../ip/cidr.ts';
import type { CniIp } from '../spec/types.ts';

/** Host ends of pod links begin with this; the kernel's limit for a name is 15 characters. */
export const vethPrefix = 'veth';

/** Alias of the host ends and of bridges that were made here: tells them from links of other programs. */
export const linkAlias = 'podwright';

/**
 * Name of the host end of an attachment's link. It follows from the attachment, so that a repeated ADD and a DEL find what
 * a daemon that was killed left behind.
 */
export function hostLinkName(containerId: string, ifName: string): string {
  return vethPrefix + digest(`${containerId}/${ifName}`).slice(0, 11);
}

/**
 * Hardware address of the pod's end: from its IPv4 address, as the bridge plugin of Docker and the older CNI plugins do, so
 * that neighbours' ARP entries stay true when the address is given to another pod.
 */
export function podMac(ips: readonly CniIp[]): string {
  return macOf(ips.map(({ address }) => address.split('/')[0] ?? ''));
}

/** Hardware address of the bridge. A fixed one: left alone, a bridge takes that of one of its ports, and loses it. */
export function bridgeMac(gateways: readonly string[]): string {
  return macOf(gateways);
}

/** The link-local address that the kernel makes of a hardware address (RFC 4291 appendix A), with its prefix. */
export function linkLocalOf(mac: string): string {
  const [first = 0, ...rest] = mac.split(':').map((byte) => parseInt(byte, 16));
  const bytes = [first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)];
  const interfaceId = bytes.reduce((id, byte) => (id << 8n) | BigInt(byte), 0n);
  return `${formatIp({ family: 6, value: (0xfe80n << 112n) | interfaceId })}/64`;
}

function macOf(addresses: readonly string[]): string {
  const v4 = addresses.map(parseIp).find((ip) => ip?.family === 4);
  const hex = v4 === undefined ? digest(addresses.join()).slice(0, 8) : v4.value.toString(16).padStart(8, '0');
  return ['0a', '58', ...(hex.match(/../g) ?? [])].join(':');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

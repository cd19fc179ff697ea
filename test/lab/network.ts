import { exec } from '../../cni/index.ts';
import type { HostNames } from './names.ts';

/*
 * One bridge joins the hosts of a run. It has no port to anywhere else and no host has a default route: a packet that
 * finds no way in the lab is dropped in the lab.
 *
 *     pw-<run>-1: eth0 198.51.100.11/24 --- h1 \
 *                                               br0 (pw-<run>-net)
 *     pw-<run>-2: eth0 198.51.100.12/24 --- h2 /
 *     QEMU guest: eth0 198.51.100.13/24 --- g3 /   (its tap)
 */

const prefix4 = '198.51.100';
const prefix6 = '2001:db8:51';

interface HostAddresses {
  readonly address: string;
  readonly address6: string;
}

function hostAddresses(index: number): HostAddresses {
  return { address: `${prefix4}.${10 + index}`, address6: `${prefix6}::${10 + index}` };
}

export async function createBridge(netns: string): Promise<void> {
  await exec({ file: 'ip', args: ['netns', 'add', netns] });
  await ipBatch(netns, ['link set lo up', 'link add br0 type bridge', 'link set br0 up']);
}

/** Creates the host's namespace and plugs it into the bridge. */
export async function createHostNetwork({ netns, index }: HostNames, bridge: string): Promise<HostAddresses> {
  const { address, address6 } = hostAddresses(index);
  await exec({ file: 'ip', args: ['netns', 'add', netns] });
  await ipBatch(bridge, [
    `link add h${index} type veth peer name eth0 netns ${netns}`,
    `link set h${index} master br0 up`,
  ]);
  await ipBatch(netns, [
    'link set lo up',
    `addr add ${address}/24 dev eth0`,
    `addr add ${address6}/64 dev eth0 nodad`,
    'link set eth0 up',
  ]);
  return { address, address6 };
}

/** Where a virtual machine is plugged in: QEMU opens the tap device in the bridge's namespace. */
export interface GuestPort {
  readonly netns: string;
  readonly tap: string;
  readonly address: string;
  readonly mac: string;
}

/** Plugs a tap device into the bridge; the machine itself takes its address. */
export async function createGuestPort(index: number, bridge: string): Promise<GuestPort> {
  const tap = `g${index}`;
  await ipBatch(bridge, [`tuntap add dev ${tap} mode tap`, `link set ${tap} master br0 up`]);
  const mac = `52:54:00:00:00:${index.toString(16).padStart(2, '0')}`;
  return { netns: bridge, tap, address: hostAddresses(index).address, mac };
}

async function ipBatch(netns: string, lines: readonly string[]): Promise<void> {
  await exec({ file: 'ip', args: ['-netns', netns, '-batch', '-'], input: `${lines.join('\n')}\n` });
}

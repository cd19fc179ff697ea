import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';

const capSysResource = 24n;

/**
 * Lowest `oom_score_adj` that containers can be given here. Without CAP_SYS_RESOURCE the kernel refuses to lower it, and a
 * container start that asks for it fails in runc.
 */
export async function minOomScoreAdj(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return (effective >> capSysResource) & 1n ? -1000 : 0;
}

/**
 * The node's addresses, primary first: those of the link with the IPv4 default route, else of the first link that is no
 * loopback and no bridge of pods or containers.
 */
export async function nodeAddresses(): Promise<readonly string[]> {
  const interfaces = Object.entries(networkInterfaces()).filter(([name]) => !isBridge.test(name));
  const primary = await defaultRouteInterface();
  const ordered = interfaces.sort(([a], [b]) => Number(b === primary) - Number(a === primary));
  const addresses = ordered
    .flatMap(([, infos]) => infos ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  const v4 = addresses.find(({ family }) => family === 'IPv4');
  const v6 = addresses.find(({ family }) => family === 'IPv6');
  return [v4, v6].flatMap((info) => (info === undefined ? [] : [info.address]));
}

const isBridge = /^(cni|docker|br-|veth)/;

/** Name of the link of the IPv4 default route in `/proc/net/route`. */
async function defaultRouteInterface(): Promise<string | undefined> {
  const routes = await readFile('/proc/net/route', 'utf8');
  const fields = routes.split('\n').map((line) => line.split('\t'));
  return fields.find(([, destination]) => destination === '00000000')?.[0];
}

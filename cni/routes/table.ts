import { readFile } from 'node:fs/promises';

/**
 * The routes of the host as a text to compare with a former one, read without a process. Of IPv6 those to single addresses and
 * of one link only are left out: they come and go with links of pods.
 */
export async function readRoutingTable(): Promise<string> {
  const read = async (name: string): Promise<string> => readFile(`/proc/net/${name}`, 'utf8').catch(() => '');
  return describeTables(await read('route'), await read('ipv6_route'));
}

/**
 * @param ipv4 `/proc/net/route`: interface, destination, gateway, flags, references, use, metric, mask, …
 * @param ipv6 `/proc/net/ipv6_route`: destination, prefix, source, prefix, next hop, metric, references, use, flags, interface
 */
export function describeTables(ipv4: string, ipv6: string): string {
  const v4 = rows(ipv4).map(([dev, dst, gateway, , , , metric, mask]) => [dst, mask, gateway, dev, metric]);
  const v6 = rows(ipv6)
    .filter(([dst = '', prefix]) => prefix !== '80' && !/^f(?:e[89ab]|f)/.test(dst))
    .map(([dst, prefix, , , gateway, metric, , , , dev]) => [dst, prefix, gateway, dev, metric]);
  return [...v4, ...v6]
    .map((fields) => fields.join(' '))
    .sort()
    .join('\n');
}

const rows = (text: string): readonly (readonly string[])[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.trim().split(/\s+/));

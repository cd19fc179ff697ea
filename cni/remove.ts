import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { bridgeMac, linkAlias } from './bridge/names.ts';
import { builtInBridge, builtInName, defaultNetwork, subnetsOf } from './default-network.ts';
import { formatIp, parseCidr } from './ip/cidr.ts';
import { table } from './portmap/nftables/render.ts';
import { type Exec, ExecFailure } from './util/exec.ts';
import { errorCode } from './util/error-code.ts';

export interface NetworkRemains {
  readonly exec: Exec;
  /** Ranges of the built-in network. */
  readonly podCidrs: readonly string[];
  readonly dataDir: string;
  readonly cacheDir: string;
}

/** Own chains of pod networks and host ports begin with this, in every table. */
const ownPrefix = 'PODWRIGHT-';

/** Removes the chains and the table of pod networks and host ports, and the rules of others' chains that lead to them. */
export async function removeNetworkRules(exec: Exec, signal: AbortSignal): Promise<void> {
  for (const command of ['iptables', 'ip6tables']) {
    const input = renderRemoval((await run(exec, `${command}-save`, [], signal)) ?? '');
    if (input !== '') await exec({ file: `${command}-restore`, args: ['--noflush', '-w', '5'], input }, signal);
  }
  await run(exec, 'nft', ['delete', 'table', ...table.split(' ')], signal);
}

/**
 * Input for `iptables-restore --noflush` that removes own chains and what leads to them; empty when there are none.
 *
 * @param saved what `iptables-save` printed
 */
export function renderRemoval(saved: string): string {
  return saved
    .split(/^(?=\*)/m)
    .map((section) => {
      const lines = section.split('\n');
      const own = lines.flatMap((line) => /^:(\S+)/.exec(line)?.[1] ?? []).filter((name) => name.startsWith(ownPrefix));
      if (own.length === 0) return '';
      const jumps = lines.filter((line) => /^-A (?!PODWRIGHT-).* -[jg] PODWRIGHT-/.test(line));
      return [
        lines[0],
        ...own.map((name) => `:${name} - [0:0]`),
        ...jumps.map((line) => line.replace('-A', '-D')),
        ...own.map((name) => `-X ${name}`),
        'COMMIT\n',
      ].join('\n');
    })
    .join('');
}

interface Link {
  readonly ifname: string;
  readonly master?: string;
  readonly address?: string;
  readonly ifalias?: string;
}

/**
 * Removes the bridge of the built-in network; one with links of others on it, or that is not ours, stays. Ours has the alias,
 * or, of an earlier version, the hardware address of the range.
 */
export async function removeBridge({ exec, podCidrs }: NetworkRemains, signal: AbortSignal): Promise<void> {
  const links = JSON.parse((await exec({ file: 'ip', args: ['-j', 'link'] }, signal)).stdout) as readonly Link[];
  const network = defaultNetwork(podCidrs);
  const gateways = subnetsOf(network).flatMap((subnet) => {
    const cidr = parseCidr(subnet);
    return cidr === undefined ? [] : [formatIp({ family: cidr.family, value: cidr.first + 1n })];
  });
  const bridge = links.find(({ ifname }) => ifname === builtInBridge);
  if (bridge === undefined || (bridge.ifalias !== linkAlias && bridge.address !== bridgeMac(gateways))) return;
  if (links.some(({ master }) => master === builtInBridge))
    throw new Error(`bridge ${bridge.ifname} has links of others: it stays`);
  await exec({ file: 'ip', args: ['link', 'delete', bridge.ifname] }, signal);
}

/** Removes leases and host ports on disk, which nobody holds any more. Directories that others use stay. */
export async function removeNetworkState({ dataDir, cacheDir }: Omit<NetworkRemains, 'podCidrs'>): Promise<void> {
  await rm(join(dataDir, '.hostports'), { recursive: true, force: true });
  await rm(join(dataDir, builtInName), { recursive: true, force: true });
  for (const directory of [join(cacheDir, 'results'), cacheDir, dataDir]) await removeIfEmpty(directory);
}

async function removeIfEmpty(directory: string): Promise<void> {
  await rmdir(directory).catch((error: unknown) => {
    const code = errorCode(error) ?? '';
    if (!['ENOENT', 'ENOTEMPTY', 'EBUSY'].includes(code)) throw error;
  });
}

/** What a program prints; undefined when it is not installed, or when there is nothing of what it is asked for. */
async function run(
  exec: Exec,
  file: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return (await exec({ file, args }, signal)).stdout;
  } catch (error) {
    const isGone = error instanceof ExecFailure && (error.notFound || error.stderr.includes('No such file'));
    if (isGone) return undefined;
    throw error;
  }
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type PeerNode, type PodNetwork, writeFileAtomic } from '../../cni/index.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/index.ts';
import { type ApiCheckpoint, createApiCheckpoint, secretsDirectory } from '../sources/api-checkpoint.ts';
import type { Foundation } from './foundation.ts';
import { readPeers } from './peers-plan.ts';

/** What the API server wants is kept here for a daemon that starts while the server is away. */
export const apiDirectory = ({ rootDir }: Config): string => join(rootDir, 'podwright', 'api');

export function podCheckpoint({ config, log, counters }: Foundation): ApiCheckpoint {
  return createApiCheckpoint({
    directory: apiDirectory(config),
    memoryDirectory: secretsDirectory(config),
    nodeName: config.nodeName,
    ...{ clock: systemClock, log, round: counters.loops.round('state-files') },
  });
}

const nodeFile = (config: Config): string => join(apiDirectory(config), 'node.json');

/** Pods get addresses from the ranges that the Node gave last, until it is read; nothing happens when none can be read. */
export async function restorePodCidrs(config: Config, network: Pick<PodNetwork, 'setPodCidrs'>): Promise<void> {
  try {
    const { podCIDRs } = JSON.parse(await readFile(nodeFile(config), 'utf8')) as { readonly podCIDRs?: unknown };
    if (Array.isArray(podCIDRs)) network.setPodCidrs(podCIDRs.filter((cidr) => typeof cidr === 'string'));
  } catch {
    // The Node will tell.
  }
}

export async function keepPodCidrs({ config, log }: Foundation, podCIDRs: readonly string[]): Promise<void> {
  try {
    await writeFileAtomic(nodeFile(config), JSON.stringify({ podCIDRs }), { mode: 0o600 });
  } catch (err) {
    log.warn({ err }, 'the addresses of pods cannot be kept for a restart');
  }
}

const nodesFile = (config: Config): string => join(apiDirectory(config), 'nodes.json');

/** The nodes of the cluster as they were known last; undefined when none can be read. */
export async function restorePeers(config: Config): Promise<readonly PeerNode[] | undefined> {
  try {
    return readPeers(await readFile(nodesFile(config), 'utf8'));
  } catch {
    return undefined; // The API server will tell.
  }
}

export async function keepPeers(config: Config, peers: readonly PeerNode[]): Promise<void> {
  await writeFileAtomic(nodesFile(config), JSON.stringify(peers), { mode: 0o600 });
}

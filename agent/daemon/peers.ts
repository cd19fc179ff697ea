import { isDeepStrictEqual } from 'node:util';
import type { PeerNode, PodNetwork } from '../../cni/index.ts';
import { type ApiClient, type FollowHandler, isForbidden, resources } from '../api/index.ts';
import { systemClock } from '../clock.ts';
import type { Round } from '../round.ts';
import { createWriteBehind } from '../write-behind.ts';
import { keepPeers } from './checkpoints.ts';
import { type Foundation, nodeIps } from './foundation.ts';
import { clusterNodes, peerOf } from './peers-plan.ts';
import type { Task } from './tasks.ts';

/** Nodes that come together are written down together. */
const gatherMs = 2_000;
/** Between two looks at the routing tables: routes go with a link, and others may remove them. */
const lookMs = 10_000;

/**
 * Follows the nodes of the cluster and tells the pod network of them: which ranges their pods have, and where they are. They
 * are kept on disk: a daemon that starts while the API server is away knows them too.
 *
 * @param networkChanged is to have the network's `setup` called soon
 */
export function followPeers(base: Foundation, client: ApiClient, networkChanged: () => void): Task {
  const { config, log, network, addresses, counters } = base;
  let nodes = base.formerPeers;
  const tell = (): void => {
    if (nodes === undefined) return;
    network.setNodes(clusterNodes(config, nodeIps(base), nodes));
    networkChanged();
  };
  const kept = createWriteBehind({
    ...{ clock: systemClock, gatherMs, round: counters.loops.round('state-files') },
    write: () => keepPeers(config, nodes ?? []),
    onError: (err) => log.warn({ err }, 'the nodes of the cluster cannot be kept for a restart'),
  });
  const handler = peerHandler({
    onPeers: (peers) => {
      nodes = peers;
      kept.changed();
      tell();
    },
    onForbidden: (err) => log.warn({ err, advice }, 'pods of other nodes cannot be reached: nodes may not be listed'),
  });
  return async (until) => {
    const stopFollowing = addresses.subscribe(tell);
    const following = client.follow(resources.nodes, {}, handler, until);
    await Promise.all([
      following,
      kept.run(until),
      watchRoutes(network, counters.loops.round('routes'), networkChanged, until),
    ]).finally(stopFollowing);
  };
}

/** From 1.32 on the node authorizer shows a node only itself (KEP-4601); what a cluster gives kube-proxy is enough. */
const advice =
  'allow it once a cluster: kubectl create clusterrolebinding podwright:node-proxier --clusterrole=system:node-proxier --group=system:nodes';

export interface PeerReports {
  /** All nodes, when something about one of them has changed that the network needs. */
  readonly onPeers: (peers: readonly PeerNode[]) => void;
  /** Nodes may not be listed: told once, until they could be. */
  readonly onForbidden: (error: unknown) => void;
}

/**
 * Nodes report often, and most reports change neither their ranges nor their addresses: those are passed over, and lists that
 * change nothing. The first list is told whatever it holds: what was kept on disk may be another.
 */
export function peerHandler({ onPeers, onForbidden }: PeerReports): FollowHandler {
  let nodes = new Map<string, PeerNode>();
  let isListed = false;
  let isForbiddenTold = false;
  const tell = (): void => onPeers([...nodes.values()]);
  return {
    listed: (items) => {
      isForbiddenTold = false;
      const found = new Map(items.map(peerOf).map((peer) => [peer.name, peer]));
      if (isListed && isDeepStrictEqual(nodes, found)) return;
      isListed = true;
      nodes = found;
      tell();
    },
    applied: (object) => {
      const peer = peerOf(object);
      if (isDeepStrictEqual(nodes.get(peer.name), peer)) return;
      nodes.set(peer.name, peer);
      tell();
    },
    deleted: ({ metadata }) => {
      if (nodes.delete(metadata.name)) tell();
    },
    lost: (error) => {
      if (!isForbidden(error) || isForbiddenTold) return;
      isForbiddenTold = true;
      onForbidden(error);
    },
  };
}

/** A route that is missing, and one that another way has become possible for, are made true by the network's `setup`. */
async function watchRoutes(network: PodNetwork, round: Round, onChange: () => void, until: AbortSignal): Promise<void> {
  for (;;) {
    await systemClock.sleep(lookMs, until);
    if (await round(() => network.routesChanged())) onChange();
  }
}

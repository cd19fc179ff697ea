import { createApiClient, type OwnedApiClient } from '../api/index.ts';
import { systemClock } from '../clock.ts';
import type { NodeImage } from '../node/api/render.ts';
import type { Pod } from '../objects/types.ts';
import type { PodManager } from '../pods/manager-types.ts';
import { createKnownNode, type KnownNode } from '../node/api/known-node.ts';
import { createServerState } from '../node/api/server-state.ts';
import type { ApiServerInfo } from '../server/local/state.ts';
import { followApiServer } from '../sources/api-source.ts';
import type { MirrorPods } from '../status/mirror.ts';
import { createStatusWriter, type StatusWriter } from '../status/writer.ts';
import { version } from '../version.ts';
import { type ClusterGrants, createClusterGrants } from './cluster-grants.ts';
import { createNodeCertificates, nodeConnection } from './certificates.ts';
import { createNodeEventSink, createNodeMirrorPods } from './api-reports.ts';
import { podCheckpoint } from './checkpoints.ts';
import type { Foundation } from './foundation.ts';
import { createNodeObject, type NodeObject, type NodeObjectParts } from './node-object.ts';
import { followPeers } from './peers.ts';
import type { Task } from './tasks.ts';
import type { Workers } from './workers.ts';

/** What ties this node to a cluster. */
export interface Cluster {
  readonly client: OwnedApiClient;
  readonly grants: ClusterGrants;
  readonly knownNode: KnownNode;
  readonly statuses: Pick<StatusWriter, 'published'>;
  /** @param parts what the cluster is told of; made after what tells */
  tasks(parts: ClusterParts): readonly Task[];
  /** Nothing is left of a pod on this node. */
  podEnded(pod: Pod): void;
  /** End of the node's client certificate, milliseconds since the epoch; undefined without one. */
  clientCertificateEnd(): number | undefined;
  /** Whether the API server answers. */
  server(): ApiServerInfo;
  /** Something that the Node tells of has changed. */
  nodeChanged(): void;
  stop(): Promise<void>;
}

/** What a cluster is told of. */
export interface ClusterParts extends NodeObjectParts {
  readonly manager: Pick<PodManager, 'pods'>;
}

/** Undefined for a node that stands alone. Nothing is asked of the server before the tasks run. */
export function createCluster(base: Foundation): Cluster | undefined {
  const { config, log, store, counters } = base;
  const { kubeconfig } = config;
  if (kubeconfig === undefined) return undefined;
  const server = createServerState(systemClock, log);
  const read = nodeConnection(base, kubeconfig);
  const client = createApiClient({
    connection: async (refused) => {
      const connection = await read(refused);
      server.located(connection.server);
      return connection;
    },
    clock: systemClock,
    log,
    round: counters.loops.round('api-watch'),
    onRequest: (request) => counters.kubelet.requested(request),
    userAgent: `podwright/${version} (linux/${process.arch})`,
  });
  const statuses = createStatusWriter({
    ...{ client, log, round: counters.loops.round('pod-status') },
    onWritten: (seconds) => counters.kubelet.statusWritten(seconds),
  });
  const grants = createClusterGrants({ ...base, client, docker: base.client });
  const events = createNodeEventSink(base, client);
  const certificates = createNodeCertificates(base, client, kubeconfig);
  const knownNode = createKnownNode(client, config.nodeName);
  let node: NodeObject | undefined;
  let mirrors: MirrorPods | undefined;

  const pods: Task = (until) =>
    followApiServer(
      {
        ...{ client, log, clock: systemClock, nodeName: config.nodeName, checkpoint: podCheckpoint(base) },
        onContact: (error) => server.contact(error),
        onSnapshot: (snapshot) => store.set(snapshot),
        onSeen: (object, isListed) => {
          statuses.seen(object, isListed);
          mirrors?.seen(object);
        },
        onGone: (object) => {
          statuses.gone(object);
          mirrors?.gone(object);
          grants.forget(object.metadata.uid ?? '');
        },
      },
      until,
    );

  return {
    client,
    statuses,
    grants,
    knownNode,
    server: () => server.status(),
    tasks: (parts) => {
      node = createNodeObject(base, client, knownNode, parts);
      mirrors = createNodeMirrorPods(base, client, { manager: parts.manager, nodeUid: () => knownNode.uid() });
      return [pods, ...node.tasks, ...certificates.tasks, (until) => events.run(until)];
    },
    podEnded: (pod) => {
      statuses.ended(pod);
      mirrors?.ended(pod);
    },
    clientCertificateEnd: () => certificates.clientCertificateEnd(),
    nodeChanged: () => node?.changed(),
    stop: async () => {
      await Promise.all([statuses.stop(), mirrors?.stop()]);
      await client.close();
    },
  };
}

/** What a node does for its cluster as long as it runs; nothing when it stands alone. */
export function clusterTasks(base: Foundation, workers: Workers, cluster: Cluster | undefined): readonly Task[] {
  if (cluster === undefined) return [];
  const { eviction, shutdown, resources, services, manager, housekeeping } = workers;
  const networkChanged = (): void => housekeeping.networkChanged();
  const images = nodeImages(base);
  cluster.knownNode.subscribe((node) => services.takeNode(node));
  return [
    ...cluster.tasks({ ...resources, eviction, shutdown, manager, images, networkChanged }),
    (until) => cluster.grants.run((uid) => manager.wake(uid), until),
    followPeers(base, cluster.client, networkChanged),
  ];
}

/** As old as the kubelet's own list may be (`imageCache`, pkg/kubelet/images/image_gc_manager.go). */
const imagesMaxAgeMs = 30_000;

function nodeImages(base: Foundation): (signal: AbortSignal) => Promise<readonly NodeImage[]> {
  let known: readonly NodeImage[] = [];
  let listedAt = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    if (systemClock.now() - listedAt < imagesMaxAgeMs) return known;
    known = await listNodeImages(base, signal);
    listedAt = systemClock.now();
    return known;
  };
}

async function listNodeImages({ client }: Foundation, signal: AbortSignal): Promise<readonly NodeImage[]> {
  return (await client.listImages(signal)).flatMap(({ RepoTags, RepoDigests, Size }) => {
    const names = [...(RepoDigests ?? []), ...(RepoTags ?? [])].filter((name) => !name.startsWith('<none>'));
    return names.length === 0 ? [] : [{ names, sizeBytes: Size }];
  });
}

import { createApiClient, type OwnedApiClient } from '../api/index.ts';
import { systemClock } from '../clock.ts';
import type { NodeImage } from '../node/api/render.ts';
import { followApiServer } from '../sources/api-source.ts';
import { createStatusWriter, type StatusWriter } from '../status/writer.ts';
import { version } from '../version.ts';
import { type ClusterGrants, createClusterGrants } from './cluster-grants.ts';
import { createNodeCertificates } from './certificates.ts';
import type { Foundation } from './foundation.ts';
import { createNodeObject, type NodeObject, type NodeObjectParts } from './node-object.ts';
import type { Task } from './tasks.ts';
import type { Workers } from './workers.ts';

/** What ties this node to a cluster. */
export interface Cluster {
  readonly client: OwnedApiClient;
  readonly statuses: StatusWriter;
  readonly grants: ClusterGrants;
  /** @param parts what the Node tells of; made after what is told */
  tasks(parts: NodeObjectParts): readonly Task[];
  /** End of the node's client certificate, milliseconds since the epoch; undefined without one. */
  clientCertificateEnd(): number | undefined;
  /** Something that the Node tells of has changed. */
  nodeChanged(): void;
  stop(): Promise<void>;
}

/** Undefined for a node that stands alone. Nothing is asked of the server before the tasks run. */
export function createCluster(base: Foundation): Cluster | undefined {
  const { config, log, store } = base;
  if (config.kubeconfig === undefined) return undefined;
  const client = createApiClient({
    connection: config.kubeconfig,
    clock: systemClock,
    log,
    userAgent: `podwright/${version} (linux/${process.arch})`,
  });
  const statuses = createStatusWriter({ client, log });
  const grants = createClusterGrants({ ...base, client, docker: base.client });
  const certificates = createNodeCertificates(base, client, config.kubeconfig);
  let node: NodeObject | undefined;

  const pods: Task = (until) =>
    followApiServer(
      {
        ...{ client, log, clock: systemClock, nodeName: config.nodeName },
        onSnapshot: (snapshot) => store.set(snapshot),
        onSeen: (object) => statuses.seen(object),
        onGone: (object) => {
          statuses.gone(object);
          grants.forget(object.metadata.uid ?? '');
        },
      },
      until,
    );

  return {
    client,
    statuses,
    grants,
    tasks: (parts) => {
      node = createNodeObject(base, client, parts);
      return [pods, ...node.tasks, ...certificates.tasks];
    },
    clientCertificateEnd: () => certificates.clientCertificateEnd(),
    nodeChanged: () => node?.changed(),
    stop: async () => {
      await statuses.stop();
      await client.close();
    },
  };
}

/** What a node does for its cluster as long as it runs; nothing when it stands alone. */
export function clusterTasks(base: Foundation, workers: Workers, cluster: Cluster | undefined): readonly Task[] {
  if (cluster === undefined) return [];
  const { eviction, resources, manager } = workers;
  return [
    ...cluster.tasks({ ...resources, eviction, images: async (signal) => listNodeImages(base, signal) }),
    (until) => cluster.grants.run((uid) => manager.wake(uid), until),
  ];
}

async function listNodeImages({ client }: Foundation, signal: AbortSignal): Promise<readonly NodeImage[]> {
  return (await client.listImages(signal)).flatMap(({ RepoTags, RepoDigests, Size }) => {
    const names = [...(RepoDigests ?? []), ...(RepoTags ?? [])].filter((name) => !name.startsWith('<none>'));
    return names.length === 0 ? [] : [{ names, sizeBytes: Size }];
  });
}

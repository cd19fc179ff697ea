import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import type { Logger } from 'pino';
import { createPodNetwork, type PeerNode, type PodNetwork } from '../../cni/index.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/index.ts';
import { createEventRecorder } from '../events/recorder.ts';
import { readEvents } from '../events/snapshot.ts';
import type { EventStore } from '../events/types.ts';
import { type AddressWatch, createAddressWatch, readHostAddresses } from '../node/address-watch.ts';
import { minOomScoreAdj } from '../node/facts.ts';
import { createRuntimeLink, type RuntimeLink } from '../node/runtime-link.ts';
import { createDockerClient, createDockerRuntime, type DockerClient } from '../runtime/docker/index.ts';
import {
  countRuntime,
  createKubeletMetrics,
  createLoopMetrics,
  createProbeMetrics,
  type KubeletMetrics,
  type LoopMetrics,
  type ProbeMetrics,
} from '../metrics/index.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import { API_SOURCE, createObjectStore, FILE_SOURCE } from '../sources/index.ts';
import type { ObjectStore } from '../sources/types.ts';
import { createLoopWatch, type LoopWatch } from '../systemd/index.ts';
import { restorePeers, restorePodCidrs } from './checkpoints.ts';
import { clusterNodes } from './peers-plan.ts';

/** What every part of the daemon stands on. */
export interface Foundation {
  readonly config: Config;
  readonly log: Logger;
  readonly events: EventStore;
  readonly store: ObjectStore;
  readonly network: PodNetwork;
  readonly client: DockerClient;
  readonly runtime: ContainerRuntime;
  readonly link: RuntimeLink;
  /** Of the node; they may change. */
  readonly addresses: AddressWatch;
  /** Nodes of the cluster as a former daemon knew them; undefined where there was none. */
  readonly formerPeers: readonly PeerNode[] | undefined;
  /** Whether the daemon's loops go round. */
  readonly loops: LoopWatch;
  /** What happens in the daemon, counted for `/metrics`. */
  readonly counters: { readonly kubelet: KubeletMetrics; readonly probes: ProbeMetrics; readonly loops: LoopMetrics };
}

/** File that keeps events over a restart. */
export const eventsFile = ({ rootDir }: Config): string => join(rootDir, 'podwright', 'events.json');

export async function layFoundation(
  config: Config,
  log: Logger,
  loops: LoopMetrics = createLoopMetrics(),
): Promise<Foundation> {
  const former = await readEvents(eventsFile(config));
  const network = createPodNetwork({
    ...config.cni,
    podCidrs: isGivenByCluster(config) ? [] : config.podCidrs,
    routeBackend: config.routeBackend,
    onWarning: (message, fields) => log.warn(fields, message),
  });
  if (isGivenByCluster(config)) await restorePodCidrs(config, network);
  const counters = { kubelet: createKubeletMetrics(), probes: createProbeMetrics(), loops };
  const client = createDockerClient(config.dockerHost, config.runtimeRequestTimeoutMs);
  const addresses = createAddressWatch({
    ...{ clock: systemClock, log, read: readHostAddresses, round: counters.loops.round('addresses') },
    initial: await readHostAddresses(),
  });
  const formerPeers = config.kubeconfig === undefined ? undefined : await restorePeers(config);
  if (formerPeers !== undefined) network.setNodes(clusterNodes(config, nodeIps({ config, addresses }), formerPeers));
  return {
    ...{ config, log, network, client, counters, addresses, formerPeers },
    loops: createLoopWatch(systemClock, () => performance.now()),
    events: createEventRecorder({ clock: systemClock, log, nodeName: config.nodeName, former }),
    store: createObjectStore(config.kubeconfig === undefined ? [FILE_SOURCE] : [FILE_SOURCE, API_SOURCE]),
    runtime: countRuntime(await openRuntime(config, client, network, log), counters.kubelet),
    link: createRuntimeLink(client, config.cgroupDriver, log),
  };
}

/** The node's addresses for others: those of the configuration, or the host's own as they are now. */
export const nodeIps = ({ config, addresses }: Pick<Foundation, 'config' | 'addresses'>): readonly string[] =>
  config.nodeIps.length > 0 ? config.nodeIps : addresses.current().primary;

/** The Node of a cluster says what addresses its pods get, unless the configuration does. */
function isGivenByCluster({ kubeconfig, kubelet }: Config): boolean {
  return kubeconfig !== undefined && !kubelet.podCIDR;
}

export async function openRuntime(
  config: Config,
  client: DockerClient,
  network: PodNetwork,
  log: Logger,
): Promise<ContainerRuntime> {
  const lowest = await minOomScoreAdj();
  if (lowest === 0) {
    log.warn({}, 'CAP_SYS_RESOURCE is missing: containers run without a negative oom_score_adj');
  }
  return createDockerRuntime({
    client,
    network,
    logs: { podLogsDir: config.podLogsDir, containerLogsDir: config.containerLogsDir },
    limitStarts: pLimit(config.maxParallelStarts ?? defaultParallelStarts),
    defaults: {
      logMaxSizeBytes: config.containerLogMaxSizeBytes,
      logMaxFiles: config.containerLogMaxFiles,
      minOomScoreAdj: lowest,
    },
  });
}

/**
 * Containers that are created or started at one time. Both are work for the CPU, in dockerd, runc and the kernel: with more
 * than two a core `npm run bench` shows that dockerd only gets slower.
 */
const defaultParallelStarts = 2 * availableParallelism();

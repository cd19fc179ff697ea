import { hostname } from 'node:os';
import { type ApiClient, type ApiObject, ApiUnavailableError } from '../api/index.ts';
import { nodeLabels } from '../admission/node-labels.ts';
import { systemClock } from '../clock.ts';
import type { EvictionManager } from '../eviction/index.ts';
import type { NodeResources } from '../node/allocatable.ts';
import { type ConditionFact, networkCondition, readyCondition } from '../node/api/conditions.ts';
import { keepLease } from '../node/api/lease.ts';
import type { KnownNode } from '../node/api/known-node.ts';
import { createNodeRegistration } from '../node/api/registration.ts';
import type { NodeImage, NodeStatusFacts } from '../node/api/render.ts';
import { systemInfo } from '../node/api/system-info.ts';
import type { NodeShutdown } from '../shutdown/index.ts';
import { untilAborted } from '../until-aborted.ts';
import { keepPodCidrs } from './checkpoints.ts';
import { type Foundation, nodeIps } from './foundation.ts';
import type { Task } from './tasks.ts';

/** What the Node of this node tells of. */
export interface NodeObjectParts {
  readonly capacity: NodeResources;
  readonly allocatable: NodeResources;
  readonly eviction: Pick<EvictionManager, 'conditions'>;
  readonly shutdown: Pick<NodeShutdown, 'isShuttingDown'>;
  /** The network has other ranges, and is to be set up for them. */
  readonly networkChanged: () => void;
  readonly images: (signal: AbortSignal) => Promise<readonly NodeImage[]>;
}

export interface NodeObject {
  readonly tasks: readonly Task[];
  changed(): void;
}

const defaultUpdateMs = 10_000;
const defaultReportMs = 300_000;
const defaultLeaseSeconds = 40;

/** The Node and its Lease, kept up to date. */
export function createNodeObject(
  base: Foundation,
  client: ApiClient,
  known: KnownNode,
  parts: NodeObjectParts,
): NodeObject {
  const { config, log, network, addresses } = base;
  const { kubelet, nodeName } = config;
  const system = systemInfo();
  let registered = (): void => undefined;
  const isRegistered = new Promise<void>((resolve) => (registered = resolve));
  const registration = createNodeRegistration({
    ...{ client, log, known, clock: systemClock, round: base.counters.loops.round('node-status') },
    identity: {
      name: nodeName,
      labels: nodeLabels(nodeName, process.arch, config.nodeLabels),
      taints: kubelet.registerWithTaints ?? [],
      providerId: kubelet.providerID || undefined,
    },
    register: kubelet.registerNode ?? true,
    facts: (signal) => nodeFacts(base, parts, system, signal),
    conditions: () => conditionsOf(base, parts),
    updateMs: kubelet.nodeStatusUpdateFrequency || defaultUpdateMs,
    reportMs: kubelet.nodeStatusReportFrequency || defaultReportMs,
  });
  known.subscribe((node) => {
    registered();
    takeRanges(node);
  });

  let ranges = '';
  const takeRanges = ({ spec }: ApiObject): void => {
    const { podCIDR, podCIDRs = podCIDR === undefined ? [] : [podCIDR] } = (spec ?? {}) as {
      podCIDR?: string;
      podCIDRs?: readonly string[];
    };
    if (podCIDRs.length === 0 || podCIDRs.join() === ranges) return;
    ranges = podCIDRs.join();
    log.info({ podCIDRs }, 'addresses of pods come from the Node');
    network.setPodCidrs(podCIDRs);
    parts.networkChanged();
    void keepPodCidrs(base, podCIDRs);
    registration.wake();
  };

  const lease: Task = async (until) => {
    // The lease goes with the Node, which owns it.
    await Promise.race([isRegistered, untilAborted(until)]);
    await keepLease(
      {
        ...{ client, nodeName, clock: base.loops.clock('lease'), round: base.counters.loops.round('lease') },
        nodeUid: () => known.uid(),
        durationSeconds: kubelet.nodeLeaseDurationSeconds || defaultLeaseSeconds,
        onError: (err, failures) => {
          // That the server is away is told once, not by each who asks it.
          if (failures === 1 && !(err instanceof ApiUnavailableError))
            log.warn({ err }, 'the lease of the node cannot be renewed, trying again until it can');
        },
      },
      until,
    );
  };
  const stopFollowing = addresses.subscribe(() => registration.wake());
  const node: Task = async (until) => {
    await registration.run(until).finally(stopFollowing);
  };
  return { tasks: [node, lease], changed: () => registration.wake() };
}

async function nodeFacts(
  base: Foundation,
  { capacity, allocatable, images }: NodeObjectParts,
  system: ReturnType<typeof systemInfo>,
  signal: AbortSignal,
): Promise<NodeStatusFacts> {
  const { config, link } = base;
  return {
    addresses: nodeIps(base),
    hostname: config.nodeName || hostname(),
    capacity,
    allocatable,
    systemInfo: { ...(await system), containerRuntimeVersion: `docker://${link.status().version || 'Unknown'}` },
    images: link.status().reachable ? await images(signal).catch(() => []) : [],
    port: config.kubelet.port || 10250,
  };
}

function conditionsOf(
  { link, network }: Foundation,
  { eviction, shutdown }: NodeObjectParts,
): readonly ConditionFact[] {
  const { reachable, error = '' } = link.status();
  const { ready, reason = '', isOwn } = network.status();
  const problems = [
    ...(reachable ? [] : [`container runtime is down: ${error}`]),
    ...(ready
      ? []
      : [`container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:${reason}`]),
    ...(shutdown.isShuttingDown() ? ['node is shutting down'] : []),
  ];
  return [
    ...eviction.conditions(),
    ...(isOwn ? [networkCondition(ready ? undefined : reason)] : []),
    readyCondition({ problems }),
  ];
}

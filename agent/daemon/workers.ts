import { exec } from '../../cni/index.ts';
import { systemClock } from '../clock.ts';
import { createPodStarts } from '../metrics/index.ts';
import type { EvictionManager } from '../eviction/index.ts';
import type { ImageGc } from '../images/gc.ts';
import { createHousekeeping, type Housekeeping } from '../node/housekeeping.ts';
import { createLogSweep } from '../node/log-sweep.ts';
import type { NodeResources } from '../node/allocatable.ts';
import { createQosCgroups } from '../node/qos-cgroups.ts';
import type { PodDeps } from '../pods/deps.ts';
import { createPodManager } from '../pods/manager.ts';
import type { PodManager } from '../pods/manager-types.ts';
import type { NodeShutdown } from '../shutdown/index.ts';
import { createApiServices } from './api-services.ts';
import { createNodeEviction } from './eviction.ts';
import type { Cluster } from './cluster.ts';
import type { Foundation } from './foundation.ts';
import { createNodeImageGc } from './images.ts';
import { createPodDeps, type NodePodDeps } from './pods.ts';
import { createNodeServices, type NodeServices } from './services.ts';
import { createShutdown } from './shutdown.ts';

/** All that works on pods. */
export interface Workers {
  readonly manager: PodManager;
  readonly housekeeping: Housekeeping;
  readonly imageGc: ImageGc;
  readonly eviction: EvictionManager;
  readonly shutdown: NodeShutdown;
  readonly services: NodeServices;
  readonly pulls: NodePodDeps['pulls'];
  /** Where pods are, in cgroups and on disk. */
  readonly places: { readonly cgroupSettings: PodDeps['cgroups']; readonly podDir: PodDeps['podDir'] };
  readonly resources: { readonly capacity: NodeResources; readonly allocatable: NodeResources };
  /** Ends what is under way; the pods go on running. */
  stop(): Promise<void>;
}

/** @param cluster undefined for a node that stands alone */
export async function createWorkers(base: Foundation, cluster: Cluster | undefined): Promise<Workers> {
  const { config, log, store, link, runtime, network } = base;
  const { loops } = base.counters;
  const services =
    cluster === undefined
      ? await createNodeServices(base, () => manager.pods())
      : createApiServices(base, cluster.client, () => manager.wakeAll());
  const podDeps = await createPodDeps(config, {
    ...base,
    objects: services.objects,
    ...{ grants: cluster?.grants, knownNode: cluster?.knownNode },
    manager: () => manager,
  });
  const deps: PodDeps = {
    ...podDeps,
    servicesRead: (signal) => services.read(signal),
    admit: (pod) => shutdown.admissionProblem() ?? eviction.admissionProblem(pod) ?? podDeps.admit(pod),
    onStatus: (pod, status) => {
      starts.published(pod, status);
      cluster?.statuses.published(pod, status);
    },
  };
  const starts = createPodStarts(
    () => systemClock.now(),
    (sinceSeen) => base.counters.kubelet.podStarted({ sinceSeen, sli: undefined }),
  );
  let isReconciled = false;
  const qosCgroups = createQosCgroups({
    podCgroups: deps.podCgroups,
    // Until it is known which pods this node has admitted, it is ready for all that it is to have.
    pods: () => (isReconciled ? manager.admitted() : store.pods().map(({ pod }) => pod)),
    ...{ log, round: loops.round('qos-cgroups') },
  });
  const manager: PodManager = createPodManager({
    deps,
    store,
    onFirstReconcile: () => {
      isReconciled = true;
      services.reconciled();
      log.info({ sinceStartMs: Math.round(process.uptime() * 1000) }, 'first reconcile done');
    },
    onRun: (operation, seconds) => {
      base.counters.kubelet.podSynced(operation, seconds);
      qosCgroups.podsChanged();
      services.podsChanged();
    },
    onPodEnded: (pod) => {
      starts.ended(pod);
      cluster?.podEnded(pod);
    },
    onEnded: () => {
      housekeeping.podEnded();
      services.podsChanged();
    },
  });
  const knownPods = (): string[] | undefined =>
    store.complete() ? [...store.pods(), ...manager.pods()].map(({ pod }) => pod.metadata.uid) : undefined;
  const housekeeping = createHousekeeping({
    ...{ runtime, network, manager, exec, log, knownPods },
    rootDir: config.rootDir,
    rounds: { relist: loops.round('relist'), network: loops.round('network') },
    onContact: async (signal) => {
      await link.contact(signal);
      qosCgroups.runtimeKnown();
      cluster?.nodeChanged();
    },
    checkpoints: deps.checkpoints,
    podCgroups: deps.podCgroups,
    sweepLogs: createLogSweep({
      ...{ log, knownPods, podLogsDir: config.podLogsDir, containerLogsDir: config.containerLogsDir },
      now: () => systemClock.now(),
    }),
  });
  const stopWaiting = store.subscribe(() => {
    if (!store.complete()) return;
    stopWaiting();
    housekeeping.sourcesComplete();
  });
  const imageGc = createNodeImageGc(config, base);
  const eviction = await createNodeEviction(config, {
    ...{ client: base.client, deps, manager, imageGc, clock: base.loops.clock('eviction') },
    onEvicted: (signal) => base.counters.kubelet.evicted(signal),
    rounds: { node: loops.round('eviction'), storage: loops.round('local-storage') },
  });
  const shutdown = createShutdown(base, {
    ...{ manager, podDir: deps.podDir },
    onChange: () => cluster?.nodeChanged(),
  });
  return {
    ...{ manager, housekeeping, imageGc, eviction, shutdown, services, pulls: podDeps.pulls },
    places: { cgroupSettings: deps.cgroups, podDir: deps.podDir },
    resources: { capacity: podDeps.capacity, allocatable: podDeps.allocatable },
    stop: async () => {
      await Promise.all([manager.stop(), housekeeping.stop(), qosCgroups.stop(), services.stop()]);
      await deps.probes.stop();
    },
  };
}

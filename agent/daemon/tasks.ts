import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { keepEvents } from '../events/snapshot.ts';
import { createDaemonState } from '../node/state.ts';
import { followRuntime } from '../runtime/follow.ts';
import { startLocalServer } from '../server/local/server.ts';
import type { NodeInfo } from '../server/local/state.ts';
import { watchManifests } from '../sources/index.ts';
import { version } from '../version.ts';
import { eventsFile, type Foundation } from './foundation.ts';
import { createServiceReports } from './service-reports.ts';
import type { Cluster } from './cluster.ts';
import type { Workers } from './workers.ts';

/** Runs until its signal is aborted. */
export type Task = (until: AbortSignal) => Promise<void>;

/**
 * All that the daemon does as long as it runs.
 *
 * @param cluster undefined for a node that stands alone
 */
export function daemonTasks(
  base: Foundation,
  workers: Workers,
  cluster: Cluster | undefined,
  startedAt: number,
): readonly Task[] {
  const ofCluster = (): Pick<NodeInfo, 'apiServer'> => (cluster === undefined ? {} : { apiServer: cluster.server() });
  return [
    (until) => base.addresses.run(until),
    (until) => workers.imageGc.run(until),
    (until) => workers.eviction.run(until),
    (until) => workers.shutdown.run(until),
    (until) => workers.services.run(until),
    (until) => workers.services.proxy.run(until),
    (until) => manifests(base, until),
    (until) => runtimeEvents(base, workers, cluster, until),
    (until) => localApi(base, workers, () => ({ ...nodeInfo(base, startedAt), ...ofCluster() }), until),
    (until) => eventsOnDisk(base, until),
  ];
}

function manifests({ config, store, log, loops, counters }: Foundation, until: AbortSignal): Promise<void> {
  return watchManifests(
    {
      directory: config.manifestDir,
      nodeName: config.nodeName,
      rescanMs: config.fileCheckFrequencyMs,
      checkpointDir: join(config.rootDir, 'podwright', 'manifests'),
      clock: loops.clock('manifests'),
      rounds: { scan: counters.loops.round('manifests'), write: counters.loops.round('state-files') },
      log,
      onSnapshot: (snapshot) => store.set(snapshot),
    },
    until,
  );
}

function runtimeEvents(
  { runtime, link, counters }: Foundation,
  { manager, housekeeping }: Workers,
  cluster: Cluster | undefined,
  until: AbortSignal,
): Promise<void> {
  return followRuntime(
    {
      runtime,
      clock: systemClock,
      round: counters.loops.round('runtime-events'),
      onOpen: () => housekeeping.runtimeOpened(),
      onLost: (error, failures) => {
        link.lost(error, failures);
        cluster?.nodeChanged();
      },
      onEvent: ({ podUid, kind }) => {
        manager.wake(podUid);
        if (kind === 'removed') housekeeping.containerRemoved();
      },
    },
    until,
  );
}

function localApi(
  base: Foundation,
  workers: Workers,
  info: () => Omit<NodeInfo, 'conditions'>,
  until: AbortSignal,
): Promise<void> {
  const { config, runtime, events, store, log } = base;
  const { manager, eviction, pulls, services } = workers;
  const now = (): number => systemClock.now();
  const node = (): NodeInfo => ({ ...info(), conditions: eviction.conditions() });
  const { servicesInKernel, ...reports } = createServiceReports(base, workers);
  return startLocalServer(
    {
      socketPath: config.socketPath,
      state: createDaemonState({
        ...{ node, manager, store, events, pulls, now },
        problems: () => [...store.problems(), ...services.problems()],
        ...reports,
      }),
      actions: { runtime, events, rerun: (uid) => manager.rerun(uid), servicesInKernel, now },
      onError: (error) => log.warn({ err: error }, 'the local API cannot take a connection'),
    },
    until,
  );
}

function eventsOnDisk({ config, events, log, counters }: Foundation, until: AbortSignal): Promise<void> {
  return keepEvents(
    {
      path: eventsFile(config),
      events,
      clock: systemClock,
      round: counters.loops.round('state-files'),
      onError: (error) => log.warn({ err: error }, 'events cannot be written down'),
    },
    until,
  );
}

function nodeInfo({ config, link, network, addresses }: Foundation, startedAt: number): Omit<NodeInfo, 'conditions'> {
  const runtime = link.status();
  const { ready, name, cidrs, reason } = network.status();
  const problem = runtime.reachable ? reason : `container runtime is down: ${runtime.error ?? ''}`;
  return {
    name: config.nodeName,
    startedAt: new Date(startedAt).toISOString(),
    version,
    ready: runtime.reachable && ready,
    ...(problem === undefined ? {} : { reason: problem }),
    runtime,
    network: { ready, name, cidrs, ...(reason === undefined ? {} : { reason }) },
    manifestDir: config.manifestDir,
    rootDir: config.rootDir,
    addresses: addresses.current().primary,
  };
}

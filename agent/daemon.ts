import { join } from 'node:path';
import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import type { Logger } from 'pino';
import { createPodNetwork, exec, type PodNetwork } from '../cni/index.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config/index.ts';
import { createNodeEviction } from './daemon-eviction.ts';
import { createNodeImageGc } from './daemon-images.ts';
import { createPodDeps } from './daemon-pods.ts';
import { createEventRecorder } from './events/recorder.ts';
import { keepEvents, readEvents } from './events/snapshot.ts';
import { acquireLock } from './lock.ts';
import { minOomScoreAdj, nodeAddresses } from './node/facts.ts';
import { createHousekeeping } from './node/housekeeping.ts';
import { createQosCgroups } from './node/qos-cgroups.ts';
import { createLogSweep } from './node/log-sweep.ts';
import { createRuntimeLink, type RuntimeLink } from './node/runtime-link.ts';
import { createDaemonState } from './node/state.ts';
import type { PodDeps } from './pods/deps.ts';
import { createPodManager, type PodManager } from './pods/manager.ts';
import { createDockerClient, createDockerRuntime, type DockerClient } from './runtime/docker/index.ts';
import { followRuntime } from './runtime/follow.ts';
import type { ContainerRuntime } from './runtime/types.ts';
import { startLocalServer } from './server/local/server.ts';
import type { NodeInfo } from './server/local/state.ts';
import { createObjectStore, watchManifests } from './sources/index.ts';
import { version } from './version.ts';

/**
 * Runs the node until `signal` is aborted. Pods go on running after it has ended.
 *
 * @throws when another daemon holds the root directory, or when a part fails that nothing can repair
 */
export async function runDaemon(config: Config, deps: { log: Logger; signal: AbortSignal }): Promise<void> {
  const lock = await acquireLock(config.rootDir);
  try {
    await serve(config, deps.log, deps.signal);
  } finally {
    await lock.release();
  }
}

async function serve(config: Config, log: Logger, signal: AbortSignal): Promise<void> {
  const startedAt = systemClock.now();
  const eventsFile = join(config.rootDir, 'podwright', 'events.json');
  const former = await readEvents(eventsFile);
  const events = createEventRecorder({ clock: systemClock, log, nodeName: config.nodeName, former });
  const network = openNetwork(config, log);
  const client = createDockerClient(config.dockerHost, config.runtimeRequestTimeoutMs);
  const runtime = await openRuntime(config, client, network, log);
  const link = createRuntimeLink(client, config.cgroupDriver, log);
  const addresses = await nodeAddresses();
  const store = createObjectStore(['file']);
  const parts = { log, events, network, runtime, link, addresses, objects: store, manager: () => manager };
  const podDeps = await createPodDeps(config, parts);
  const deps: PodDeps = { ...podDeps, admit: (pod) => eviction.admissionProblem(pod) ?? podDeps.admit(pod) };
  let isReconciled = false;
  const qosCgroups = createQosCgroups({
    podCgroups: deps.podCgroups,
    // Until it is known which pods this node has admitted, it is ready for all that it is to have.
    pods: () => (isReconciled ? manager.admitted() : store.pods().map(({ pod }) => pod)),
    log,
  });
  const manager: PodManager = createPodManager({
    deps,
    store,
    onFirstReconcile: () => {
      isReconciled = true;
      log.info({ sinceStartMs: Math.round(process.uptime() * 1000) }, 'first reconcile done');
    },
    onRun: () => qosCgroups.podsChanged(),
    onEnded: () => housekeeping.podEnded(),
  });
  const knownPods = (): string[] | undefined =>
    store.synced() ? [...store.pods(), ...manager.pods()].map(({ pod }) => pod.metadata.uid) : undefined;
  const housekeeping = createHousekeeping({
    runtime,
    network,
    manager,
    rootDir: config.rootDir,
    exec,
    log,
    onContact: async (contactSignal) => {
      await link.contact(contactSignal);
      qosCgroups.runtimeKnown();
    },
    knownPods,
    checkpoints: deps.checkpoints,
    podCgroups: deps.podCgroups,
    sweepLogs: createLogSweep({
      ...{ log, knownPods, podLogsDir: config.podLogsDir, containerLogsDir: config.containerLogsDir },
      now: () => systemClock.now(),
    }),
  });
  const imageGc = createNodeImageGc(config, { client, runtime, store, events, log });
  const eviction = await createNodeEviction(config, { client, deps, manager, imageGc });
  const node = (): NodeInfo => ({
    ...nodeInfo(config, startedAt, link, network, addresses),
    conditions: eviction.conditions(),
  });
  const state = createDaemonState({
    ...{ node, manager, store, events },
    pulls: podDeps.pulls,
    now: () => systemClock.now(),
  });
  log.info(
    { version, node: config.nodeName, manifests: config.manifestDir, docker: config.dockerHost },
    'podwright starts',
  );

  try {
    await runTogether(signal, [
      (until) =>
        watchManifests(
          {
            directory: config.manifestDir,
            nodeName: config.nodeName,
            rescanMs: config.fileCheckFrequencyMs,
            checkpointDir: join(config.rootDir, 'podwright', 'manifests'),
            clock: systemClock,
            log,
            onSnapshot: (snapshot) => store.set(snapshot),
          },
          until,
        ),
      (until) => imageGc.run(until),
      (until) => eviction.run(until),
      (until) =>
        followRuntime(
          {
            runtime,
            clock: systemClock,
            onOpen: () => housekeeping.runtimeOpened(),
            onLost: (error, failures) => link.lost(error, failures),
            onEvent: ({ podUid, kind }) => {
              manager.wake(podUid);
              if (kind === 'removed') housekeeping.containerRemoved();
            },
          },
          until,
        ),
      (until) =>
        startLocalServer(
          {
            socketPath: config.socketPath,
            state,
            actions: { runtime, events, rerun: (uid) => manager.rerun(uid), now: () => systemClock.now() },
            onError: (error) => log.warn({ err: error }, 'the local API cannot take a connection'),
          },
          until,
        ),
      (until) =>
        keepEvents(
          {
            path: eventsFile,
            events,
            clock: systemClock,
            onError: (error) => log.warn({ err: error }, 'events cannot be written down'),
          },
          until,
        ),
    ]);
  } finally {
    await Promise.all([manager.stop(), housekeeping.stop(), qosCgroups.stop()]);
    await deps.probes.stop();
    log.info({}, 'podwright has stopped; the pods go on running');
  }
}

/** Runs tasks until `signal` is aborted; one that fails before that ends the others and is the error. */
async function runTogether(
  signal: AbortSignal,
  tasks: readonly ((until: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  const running = tasks.map(async (task) => {
    try {
      await task(controller.signal);
    } catch (error) {
      if (controller.signal.aborted) return;
      controller.abort(error);
      throw error;
    }
  });
  const failed = (await Promise.allSettled(running)).find(({ status }) => status === 'rejected');
  signal.removeEventListener('abort', abort);
  if (failed?.status === 'rejected') throw failed.reason;
}

function openNetwork(config: Config, log: Logger): PodNetwork {
  return createPodNetwork({
    ...config.cni,
    podCidrs: config.podCidrs,
    onWarning: (message, fields) => log.warn(fields, message),
  });
}

async function openRuntime(
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

function nodeInfo(
  config: Config,
  startedAt: number,
  link: RuntimeLink,
  network: PodNetwork,
  addresses: readonly string[],
): Omit<NodeInfo, 'conditions'> {
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
    addresses,
  };
}

import { existsSync } from 'node:fs';
import { cgroupVersion } from '../cgroups/files.ts';
import { qosCgroupPath } from '../cgroups/names.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/index.ts';
import type { EvictionDeps } from '../eviction/deps.ts';
import { createEvictionManager, type EvictionManager, evictionSettings, removeDead } from '../eviction/index.ts';
import type { ImageGc } from '../images/gc.ts';
import type { PodDeps } from '../pods/deps.ts';
import type { PodManager } from '../pods/manager-types.ts';
import { isTerminalPhase } from '../pods/status.ts';
import type { DockerClient } from '../runtime/docker/index.ts';
import { createCgroupReader, createPodStats, dockerWritableLayers, nodeStats } from '../stats/index.ts';

export interface EvictionParts {
  readonly client: DockerClient;
  readonly deps: PodDeps;
  readonly manager: PodManager;
  readonly imageGc: Pick<ImageGc, 'collect'>;
  readonly onEvicted: (signal: string) => void;
  readonly rounds: NonNullable<EvictionDeps['rounds']>;
  readonly clock: Clock;
}

export const cgroupMountPoint = '/sys/fs/cgroup';
/** A Docker that hangs must not keep the daemon from looking after memory. */
const infoTimeoutMs = 5_000;

/** Eviction on Docker: its data root is the file system of images and writable layers. */
export async function createNodeEviction(config: Config, parts: EvictionParts): Promise<EvictionManager> {
  const { client, deps, manager, imageGc, clock } = parts;
  const { events, log, runtime, podDir, podLogsDir, cgroups: cgroupSettings } = deps;
  const cgroups = createCgroupReader(cgroupMountPoint, await cgroupVersion(cgroupMountPoint));
  const imageDir = dataRoot(client);
  const isOver = (uid: string): boolean => isTerminalPhase(viewOf(manager, uid)?.status?.phase);
  return createEvictionManager({
    settings: evictionSettings(config.kubelet),
    nodeName: config.nodeName,
    nodeStats: async (signal) =>
      nodeStats({
        rootDir: config.rootDir,
        imageDir: await imageDir(signal),
        cgroups,
        podsCgroup: qosCgroupPath(cgroupSettings(), 'Guaranteed'),
      }),
    podStats: createPodStats({ cgroups, cgroupSettings, layers: dockerWritableLayers(client), podDir, podLogsDir }),
    activePods: () => manager.admitted(),
    runningContainers: (uid) => runningContainers(manager, uid),
    // The pod's directory goes when nothing of the pod runs any more.
    hasEnded: (uid) => viewOf(manager, uid) === undefined || (isOver(uid) && !existsSync(podDir(uid))),
    evict: (uid, failure, graceSeconds) => manager.fail(uid, failure, graceSeconds),
    ...{ onEvicted: parts.onEvicted, rounds: parts.rounds },
    reclaimContainers: (signal) => removeDead(runtime, isOver, signal),
    reclaimImages: async (signal) => {
      await imageGc.collect(Number.POSITIVE_INFINITY, signal);
    },
    ...{ events, log, clock },
  });
}

/** Asks Docker where its data are, until it has answered once; undefined before that. */
export function dataRoot(client: Pick<DockerClient, 'info'>): (signal: AbortSignal) => Promise<string | undefined> {
  let known: string | undefined;
  return async (signal) => {
    known ??= await client.info(AbortSignal.any([signal, AbortSignal.timeout(infoTimeoutMs)])).then(
      ({ DockerRootDir }) => DockerRootDir,
      () => undefined,
    );
    return known;
  };
}

function viewOf(manager: PodManager, uid: string): ReturnType<PodManager['pods']>[number] | undefined {
  return manager.pods().find(({ pod }) => pod.metadata.uid === uid);
}

function runningContainers(manager: PodManager, uid: string): ReadonlyMap<string, string> {
  const status = viewOf(manager, uid)?.status;
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return new Map(
    all.flatMap(({ name, containerID, state }) =>
      containerID === undefined || state?.running === undefined
        ? []
        : [[name, containerID.replace('docker://', '')] as const],
    ),
  );
}

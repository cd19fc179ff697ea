import type { Exec, PodNetwork } from '../../cni/index.ts';
import type { PodCgroups } from '../cgroups/pod-cgroups.ts';
import type { StatusCheckpoints } from '../pods/checkpoint.ts';
import type { Log } from '../pods/deps.ts';
import type { PodManager } from '../pods/manager-types.ts';
import type { ContainerRuntime, RuntimePodSummary } from '../runtime/types.ts';
import { type Round, uncounted } from '../round.ts';
import { describeFailures, sweepOrphans } from '../volumes/orphans.ts';
import { createWorkQueue, type WorkQueue } from '../work-queue.ts';
import type { LogSweep } from './log-sweep.ts';

/** Repairs what an event stream may have lost. */
const relistMs = 90_000;
/** Repairs what others may have done to the network's rules, and reclaims what vanished sandboxes held. */
const networkMs = 300_000;
const retryMs = 5_000;
/** Several changes may come at one time. */
const settleMs = 200;
/** A sandbox that somebody removed by hand leaves a lease: soon, but not once for each of many. */
const reclaimDelayMs = 10_000;
/** Docker goes on with a request whose client has left: by then the container is there, and found to be an orphan. */
const lateContainerMs = 5_000;

export interface HousekeepingDeps {
  readonly runtime: ContainerRuntime;
  readonly network: PodNetwork;
  readonly manager: PodManager;
  readonly rootDir: string;
  readonly exec: Exec;
  readonly log: Log;
  /** Learns what the daemon must know of the runtime before pods run. */
  readonly onContact: (signal: AbortSignal) => Promise<void>;
  /** UIDs of the pods that somebody wants; undefined before every source has said all that it wants. */
  readonly knownPods: () => Iterable<string> | undefined;
  /** Removes what was written down of pods that are gone. */
  readonly checkpoints: Pick<StatusCheckpoints, 'sweep'>;
  /** Of pods that are gone, too: one that never had a container is known by nothing else. */
  readonly podCgroups: Pick<PodCgroups, 'podUids' | 'removePod'>;
  /** Counts a list of the runtime, and what is done for the network. */
  readonly rounds?: { readonly relist: Round; readonly network: Round };
  /** Removes the logs of pods that are gone. */
  readonly sweepLogs: LogSweep;
}

export interface Housekeeping {
  /** The runtime can be reached (again): list it, and make the network's rules true. */
  runtimeOpened(): void;
  /** What the network is to be has changed: make it so soon. */
  networkChanged(): void;
  /** A container was removed, by podwright or by somebody else. */
  containerRemoved(): void;
  /** It is known now which pods are wanted. */
  sourcesComplete(): void;
  /** A pod has ended. A container whose creation was under way may appear behind it. */
  podEnded(): void;
  stop(): Promise<void>;
}

/** The slow loops that repair: relist of the runtime, network rules, leases, directories of pods that are gone. */
export function createHousekeeping(deps: HousekeepingDeps): Housekeeping {
  let isFirstList = true;
  const relist = async (signal: AbortSignal): Promise<number> => {
    await deps.onContact(signal);
    const pods = await (deps.rounds?.relist ?? uncounted)(() => deps.runtime.listPods(signal));
    // A pod that starts now may need an address or a port that a sandbox lost in a crash still holds.
    if (isFirstList) await maintainNetwork(deps, signal).catch((error: unknown) => warn(deps, 'network', error));
    const nextMs = isFirstList ? lateContainerMs : relistMs; // a former daemon may have been killed within a request
    isFirstList = false;
    deps.manager.relisted(pods);
    await sweepPods(deps, pods, signal);
    await deps.sweepLogs(pods, signal);
    return nextMs;
  };
  const queue: WorkQueue = createWorkQueue(async (task, signal) => {
    try {
      if (task === 'relist') return { again: { afterMs: await relist(signal) } };
      await maintainNetwork(deps, signal);
      return { again: { afterMs: networkMs } };
    } catch (error) {
      if (signal.aborted) return {};
      warn(deps, task, error);
      return { again: { afterMs: retryMs } };
    }
  });
  return {
    runtimeOpened: () => {
      queue.wake('relist');
      queue.wake('network', isFirstList ? networkMs : 0);
    },
    networkChanged: () => queue.wake('network', settleMs),
    containerRemoved: () => queue.wake('network', reclaimDelayMs),
    sourcesComplete: () => {
      if (!isFirstList) queue.wake('relist');
    },
    podEnded: () => queue.wake('relist', lateContainerMs),
    stop: () => queue.stop(),
  };
}

function warn({ log }: HousekeepingDeps, task: string, error: unknown): void {
  log.warn({ task, err: error }, 'housekeeping failed, will retry');
}

async function maintainNetwork(deps: HousekeepingDeps, signal: AbortSignal): Promise<void> {
  await (deps.rounds?.network ?? uncounted)(async () => {
    try {
      await deps.network.setup(signal);
    } finally {
      // Addresses of pods that are gone are needed all the same.
      await deps.network.gc(async () => sandboxIds(await deps.runtime.listPods(signal)), signal);
    }
  });
}

function sandboxIds(pods: readonly RuntimePodSummary[]): ReadonlySet<string> {
  return new Set(pods.flatMap(({ sandboxes }) => sandboxes.map(({ id }) => id)));
}

/** Removes what pods left on disk that are gone; nothing as long as it is not known which pods are wanted. */
async function sweepPods(
  deps: HousekeepingDeps,
  pods: readonly RuntimePodSummary[],
  signal: AbortSignal,
): Promise<void> {
  // Listed first: what appears behind the list belongs to a pod that may not be known here.
  const withCgroup = await deps.podCgroups.podUids();
  const wanted = deps.knownPods();
  if (wanted === undefined) return;
  const known = new Set([...wanted, ...pods.map(({ pod }) => pod.uid)]);
  const sweep = await sweepOrphans(deps.rootDir, known, deps.exec, signal);
  const failures = describeFailures(sweep);
  if (failures !== undefined) deps.log.warn({ failures }, 'orphaned pod directories stay');
  await deps.checkpoints.sweep(known);
  for (const uid of withCgroup) if (!known.has(uid)) await deps.podCgroups.removePod(uid, signal);
}

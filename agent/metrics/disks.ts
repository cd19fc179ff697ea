import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '../objects/types.ts';
import type { ClaimPlace } from '../volumes/claim-places.ts';
import { fileSystemStats, type PodStats } from '../stats/index.ts';
import { parseProcesses } from '../stats/parse.ts';
import { untilAborted } from '../until-aborted.ts';
import type { ClaimObservation } from './volume-render.ts';
import type { ClaimDisk, DiskObservation, PodDisk } from './types.ts';

export interface DiskDeps {
  /** `/proc` */
  readonly procRoot: string;
  /** The kubelet's root directory. */
  readonly rootDir: string;
  /** Where images and writable layers lie; undefined while the runtime has not told. */
  readonly imageDir: (signal: AbortSignal) => Promise<string | undefined>;
  /** Bytes of all images together. */
  readonly imageBytes: (signal: AbortSignal) => Promise<number>;
  /** Bytes of writable layers, by container ID. */
  readonly layers: (signal: AbortSignal) => Promise<ReadonlyMap<string, number>>;
  readonly podStats: Pick<PodStats, 'disk'>;
  /** Where the claims of a pod are that can be measured. */
  readonly claimPlaces: (pod: Pod) => readonly ClaimPlace[];
  readonly pods: () => readonly { readonly pod: Pod }[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export interface Disks {
  /** The disks as they were at most {@link maxAgeMs} ago. One walk serves all who ask during it. */
  observe(signal: AbortSignal): Promise<DiskObservation>;
}

/** Walking through volumes is work for the disk: the kubelet does it once in `volumeStatsAggPeriod`, 1 min by default. */
const maxAgeMs = 60_000;

const maxWalkMs = 60_000;

export function createDisks(deps: DiskDeps): Disks {
  let last: { readonly at: number; readonly result: Promise<DiskObservation> } | undefined;
  return {
    observe: async (signal) => {
      if (last === undefined || deps.now() - last.at >= maxAgeMs) {
        // Who asked first may go while others wait.
        const started = { at: deps.now(), result: measure(deps, AbortSignal.timeout(maxWalkMs)) };
        last = started;
        started.result.catch(() => {
          if (last === started) last = undefined;
        });
      }
      return orAborted(last.result, signal);
    },
  };
}

async function orAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const done = new AbortController();
  const aborted = untilAborted(AbortSignal.any([signal, done.signal])).then(() => signal.throwIfAborted());
  try {
    await Promise.race([result, aborted]);
    return await result;
  } finally {
    done.abort();
  }
}

async function measure(deps: DiskDeps, signal: AbortSignal): Promise<DiskObservation> {
  const imageDir = await deps.imageDir(signal);
  const [nodeFs, imageFs, imageBytes, layers, processes] = await Promise.all([
    fileSystemStats(deps.rootDir),
    imageDir === undefined ? undefined : fileSystemStats(imageDir),
    deps.imageBytes(signal),
    deps.layers(signal),
    countProcesses(deps.procRoot),
  ]);
  return {
    ...{ time: deps.now(), nodeFs, imageFs, imageBytes, layers, processes },
    pods: await podDisks(deps, signal),
  };
}

/** One after the other: a walk is work for the disk. */
async function podDisks(
  { podStats, pods, claimPlaces }: DiskDeps,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, PodDisk>> {
  const disks = new Map<string, PodDisk>();
  for (const { pod } of pods()) {
    const { volumes = new Map(), containers } = await podStats.disk(pod, false, signal);
    const logs = new Map([...containers].map(([name, usage]) => [name, usage.logs] as const));
    disks.set(pod.metadata.uid, { claims: await claimDisks(claimPlaces(pod)), volumes, logs });
  }
  return disks;
}

async function claimDisks(places: readonly ClaimPlace[]): Promise<readonly ClaimDisk[]> {
  const disks = places.map(async ({ volume, claim, path }) => {
    const fs = await fileSystemStats(path);
    return fs === undefined ? [] : [{ volume, claim, fs }];
  });
  return (await Promise.all(disks)).flat();
}

/** The claims of all pods, as they are now. */
export async function observeClaims({
  pods,
  claimPlaces,
}: Pick<DiskDeps, 'pods' | 'claimPlaces'>): Promise<readonly ClaimObservation[]> {
  const all = pods().map(async ({ pod }) => {
    const { namespace } = pod.metadata;
    return (await claimDisks(claimPlaces(pod))).map((disk) => ({ namespace, ...disk }));
  });
  return (await Promise.all(all)).flat();
}

/** Processes and threads of the machine, and how many there may be (`pidlimit.Stats`, pkg/kubelet/stats/pidlimit). */
async function countProcesses(procRoot: string): Promise<DiskObservation['processes']> {
  const read = (file: string): Promise<string> => readFile(join(procRoot, file), 'utf8');
  const [loadavg, ...limits] = await Promise.all(['loadavg', 'sys/kernel/pid_max', 'sys/kernel/threads-max'].map(read));
  const running = parseProcesses(loadavg ?? '');
  return running === undefined ? undefined : { running, max: Math.min(...limits.map(Number)) };
}

import { statfs } from 'node:fs/promises';
import pLimit from 'p-limit';
import { messageOf } from '../../cni/index.ts';
import type { Clock } from '../clock.ts';
import type { EventRecorder } from '../events/types.ts';
import { type Round, uncounted } from '../round.ts';
import { type ContainerRuntime, RuntimeUnavailableError } from '../runtime/types.ts';
import {
  bytesToFree,
  describeKept,
  type DiskUsage,
  type GcCandidate,
  type ImageGcPlan,
  type ImageGcPolicy,
  type ImageRecords,
  type ImageUse,
  planImageGc,
  updateRecords,
} from './gc-plan.ts';

/*
 * INVARIANTS
 * - One collection at a time: two would count the same bytes twice.
 * - What is in use is asked anew for each collection, and Docker refuses to remove what a container uses.
 */

/** The kubelet's ImageGCPeriod (`pkg/kubelet/kubelet.go`). */
const periodMs = 300_000;
/** An age that is shorter than the period is looked for that often, but not more often than this. */
const shortestPeriodMs = 1_000;

export interface ImageGcDeps {
  readonly runtime: Pick<ContainerRuntime, 'listImages' | 'removeImage'>;
  readonly policy: ImageGcPolicy;
  /** False while it is not known yet what pods there are: nothing is removed then. */
  readonly ready: () => boolean;
  readonly use: (signal: AbortSignal) => Promise<ImageUse>;
  /** Of the disk that holds the images. */
  readonly diskUsage: (signal: AbortSignal) => Promise<DiskUsage>;
  readonly nodeName: string;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** Counts a round. */
  readonly round?: Round;
  /** An image was removed. */
  readonly onRemoved?: (reason: 'age' | 'space') => void;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

export interface ImageGcResult {
  readonly freedBytes: number;
  /** IDs. */
  readonly removed: readonly string[];
}

export interface ImageGc {
  /**
   * Removes images that nothing needs, least recently used first.
   *
   * @param target bytes to free (`Infinity`: all that may go); `thresholds`: as many as the policy says, and what is too old
   * @throws when the host cannot be looked at, and for `thresholds` when too little could be freed
   */
  collect(target: number | 'thresholds', signal: AbortSignal): Promise<ImageGcResult>;
  /** Collects by the thresholds every five minutes, or as often as the largest age is short, until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

interface Sweep extends ImageGcResult {
  readonly failures: readonly string[];
}

export function createImageGc(deps: ImageGcDeps): ImageGc {
  const { clock } = deps;
  const startedAt = clock.now();
  const oneAtATime = pLimit(1);
  let records: ImageRecords | undefined;

  const look = async (signal: AbortSignal): Promise<ImageGcPlan> => {
    const [images, use] = await Promise.all([deps.runtime.listImages(signal), deps.use(signal)]);
    const now = clock.now();
    records = updateRecords(records ?? new Map(), images, use.usedIds, { now, isFirst: records === undefined });
    return planImageGc({ images, records, use, policy: deps.policy, now, startedAt });
  };

  const collect = async (target: number | 'thresholds', signal: AbortSignal): Promise<ImageGcResult> => {
    signal.throwIfAborted();
    const plan = await look(signal);
    if (!deps.ready()) return { freedBytes: 0, removed: [] };
    if (target !== 'thresholds') return await sweep(plan.candidates, target, deps, signal);
    const expired = plan.candidates.filter((candidate) => candidate.expired);
    const old = await sweep(expired, Number.POSITIVE_INFINITY, deps, signal);
    const wanted = await wantedBytes(deps, signal);
    if (wanted === 0) return old;
    const rest = plan.candidates.filter((candidate) => !candidate.expired);
    const freed = await sweep(rest, wanted, deps, signal);
    if (freed.freedBytes < wanted) throw tooLittle(deps, wanted, freed, plan);
    return { freedBytes: old.freedBytes + freed.freedBytes, removed: [...old.removed, ...freed.removed] };
  };

  return {
    collect: (target, signal) => oneAtATime(() => collect(target, signal)),
    run: (signal) => repeat(deps, (until) => oneAtATime(() => collect('thresholds', until)), signal),
  };
}

/** Removes candidates in their order until enough bytes are free. One that cannot be removed does not stop the others. */
async function sweep(
  candidates: readonly GcCandidate[],
  targetBytes: number,
  { runtime, log, onRemoved }: ImageGcDeps,
  signal: AbortSignal,
): Promise<Sweep> {
  const removed: string[] = [];
  const failures: string[] = [];
  let freedBytes = 0;
  for (const { id, name, sizeBytes, expired } of candidates) {
    if (freedBytes >= targetBytes) break;
    try {
      await runtime.removeImage(id, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      failures.push(`${name}: ${messageOf(error)}`);
      continue;
    }
    log.info({ image: name, id, sizeBytes, why: expired ? 'unused for too long' : 'space' }, 'image removed');
    onRemoved?.(expired ? 'age' : 'space');
    removed.push(id);
    freedBytes += sizeBytes;
  }
  if (failures.length > 0) log.warn({ failures }, 'images cannot be removed');
  return { freedBytes, removed, failures };
}

async function wantedBytes(deps: ImageGcDeps, signal: AbortSignal): Promise<number> {
  const disk = await deps.diskUsage(signal);
  if (disk.capacityBytes === 0) {
    const message = 'invalid capacity 0 on image filesystem';
    nodeEvent(deps, 'InvalidDiskCapacity', message);
    throw new Error(message);
  }
  return bytesToFree(disk, deps.policy);
}

/** Says what keeps the space, so that nobody has to guess. */
function tooLittle(deps: ImageGcDeps, wanted: number, { freedBytes, failures }: Sweep, plan: ImageGcPlan): Error {
  const first = failures[0] === undefined ? '' : `; ${failures.length} could not be removed, e.g. ${failures[0]}`;
  const message =
    'Failed to garbage collect required amount of images. ' +
    `Attempted to free ${wanted} bytes, but only found ${freedBytes} bytes eligible to free: ${describeKept(plan)}${first}`;
  nodeEvent(deps, 'FreeDiskSpaceFailed', message);
  return new Error(message);
}

function nodeEvent({ events, nodeName }: ImageGcDeps, reason: string, message: string): void {
  events.event({ kind: 'Node', namespace: '', name: nodeName, uid: nodeName }, 'Warning', reason, message);
}

/** A single failure is no event (kubelet: StartGarbageCollection): it may be an outage of the runtime. */
async function repeat(
  deps: ImageGcDeps,
  work: (signal: AbortSignal) => Promise<unknown>,
  signal: AbortSignal,
): Promise<void> {
  const { maxAgeMs } = deps.policy;
  const everyMs = maxAgeMs > 0 ? Math.min(periodMs, Math.max(maxAgeMs, shortestPeriodMs)) : periodMs;
  for (let failures = 0; !signal.aborted;) {
    try {
      await (deps.round ?? uncounted)(() => work(signal));
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof RuntimeUnavailableError) continue; // told by those who watch the runtime
      failures += 1;
      deps.log.warn({ err: error, failures }, 'image garbage collection failed, will retry');
      if (failures > 1) nodeEvent(deps, 'ImageGCFailed', messageOf(error));
    } finally {
      await deps.clock.sleep(everyMs, signal).catch(() => undefined);
    }
  }
}

/** Size and free space of the file system that a path is on. */
export async function diskUsageOf(path: string): Promise<DiskUsage> {
  const { bsize, blocks, bavail } = await statfs(path);
  return { capacityBytes: blocks * bsize, availableBytes: Math.min(bavail, blocks) * bsize };
}

import pLimit from 'p-limit';
import { ApiUnavailableError, isConflict, isNotFound } from '../api/errors.ts';
import { type ApiClient, type ApiObject, resources } from '../api/types.ts';
import type { Pod, PodStatus } from '../objects/types.ts';
import { podKey } from '../objects/types.ts';
import { type Round, uncounted } from '../round.ts';
import { isMirrorPod } from '../sources/api-pod.ts';
import { createWorkQueue, type RunResult } from '../work-queue.ts';
import { mirrors as isMirrorOf } from './mirror-plan.ts';
import { objectKeyOf, objectPath } from './object-key.ts';
import { statusPatch } from './patch-plan.ts';

/** Brings the statuses of pods to the API server, and takes a pod off it that has ended as it was asked to. */
export interface StatusWriter {
  /** A pod has this status now. Only the newest is written. */
  published(pod: Pod, status: PodStatus): void;
  /** Nothing is left of a pod on this node: its object goes when its last status is written. */
  ended(pod: Pod): void;
  /**
   * What the server has now.
   *
   * @param isListed in a list, which counts whatever its version: a server that was set back to a backup has older ones
   */
  seen(object: ApiObject, isListed?: boolean): void;
  /** The server does not have it any more. */
  gone(object: ApiObject): void;
  stop(): Promise<void>;
}

export interface StatusWriterOptions {
  readonly client: ApiClient;
  readonly log: { warn(fields: object, message: string): void; debug(fields: object, message: string): void };
  /** Counts a write. */
  readonly round?: Round;
  /** The server has a pod's newest status. @param seconds since the status was another one */
  readonly onWritten?: (seconds: number) => void;
}

/** Requests at a time: one hangs as long as the server does, and must not hold all others up. */
const parallel = 8;
const retryMs = { first: 500, most: 10_000, away: 30_000 } as const;

interface Entry {
  pod: Pod;
  status: PodStatus | undefined;
  written: PodStatus | undefined;
  hasEnded: boolean;
  /** Since when there is a status that is not written, milliseconds on a clock that nobody sets. */
  changedAt: number | undefined;
  failures: number;
}

/** Keyed by the UID of the pod that runs; a static pod's status goes to the mirror pod of its name. */
export function createStatusWriter(options: StatusWriterOptions): StatusWriter {
  const { client, log, round = uncounted, onWritten } = options;
  const entries = new Map<string, Entry>();
  const objects = new Map<string, ApiObject>();
  const mirrors = new Map<string, ApiObject>();
  const limit = pLimit(parallel);
  const queue = createWorkQueue((uid, signal) => limit(() => write(uid, signal)));

  const entryOf = (pod: Pod): Entry => {
    const { uid } = pod.metadata;
    const entry = entries.get(uid) ?? {
      pod,
      status: undefined,
      written: undefined,
      hasEnded: false,
      changedAt: undefined,
      failures: 0,
    };
    entry.pod = pod;
    entries.set(uid, entry);
    return entry;
  };
  const targetOf = ({ pod }: Entry): ApiObject | undefined => objects.get(pod.metadata.uid) ?? mirrorOf(pod);
  /** The mirror pod that shows this pod: another version of it may have the same name. */
  const mirrorOf = (pod: Pod): ApiObject | undefined => {
    const mirror = mirrors.get(podKey(pod));
    return mirror !== undefined && isMirrorOf(mirror, pod) ? mirror : undefined;
  };
  const forget = (uid: string): void => {
    entries.delete(uid);
    queue.forget(uid);
  };

  const write = async (uid: string, signal: AbortSignal): Promise<RunResult> => {
    const entry = entries.get(uid);
    const target = entry === undefined ? undefined : targetOf(entry);
    if (entry === undefined) return {};
    const { status } = entry;
    try {
      if (target !== undefined) await round(() => patch(entry, target, signal));
      // A status that came meanwhile is written first: this key is woken already.
      if (entry.hasEnded && entry.status === status) await end(entry, target, signal);
      entry.failures = 0;
      return {};
    } catch (error) {
      return failed(entry, error, signal);
    }
  };

  const patch = async (entry: Entry, target: ApiObject, signal: AbortSignal): Promise<void> => {
    const { status } = entry;
    if (status === undefined) return;
    const current = target['status'] as Record<string, unknown> | undefined;
    const body = statusPatch(target.metadata.uid ?? '', current, status, entry.written);
    if (body === undefined) {
      entry.changedAt = undefined;
      return;
    }
    const path = { ...objectPath(target), subresource: 'status' };
    const type = 'application/strategic-merge-patch+json';
    const answer = await client.patch(resources.pods, path, { type, body }, signal);
    entry.written = status;
    tellWritten(entry, status);
    const now = mapOf(target).get(mapKey(target));
    // Gone meanwhile: nothing would ever take it away again.
    if (now?.metadata.uid === target.metadata.uid) keep(answer, now === target);
  };

  const tellWritten = (entry: Entry, written: PodStatus): void => {
    if (entry.status !== written || entry.changedAt === undefined) return;
    onWritten?.((performance.now() - entry.changedAt) / 1_000);
    entry.changedAt = undefined;
  };

  /** A pod that nobody has any more, and a static pod, is forgotten at once; any other when the server has let go of it. */
  const end = async (entry: Entry, target: ApiObject | undefined, signal: AbortSignal): Promise<void> => {
    const { uid } = entry.pod.metadata;
    if (target === undefined || isMirrorPod(target)) return forget(uid);
    if (target.metadata.deletionTimestamp === undefined) return;
    await client.delete(resources.pods, objectPath(target), { gracePeriodSeconds: 0, preconditions: { uid } }, signal);
  };

  const failed = (entry: Entry, error: unknown, signal: AbortSignal): RunResult => {
    if (signal.aborted) return {};
    const { name, namespace } = entry.pod.metadata;
    // The watch will tell that it is gone.
    if (isNotFound(error)) return {};
    entry.failures += 1;
    // That the server is away is told once; when it comes back it lists all pods, and each wakes its entry.
    const isAway = error instanceof ApiUnavailableError;
    const isNews = entry.failures === 1 && !isConflict(error) && !isAway;
    log[isNews ? 'warn' : 'debug'](
      { pod: name, namespace, err: error },
      'status of the pod cannot be written, will retry',
    );
    const most = isAway ? retryMs.away : retryMs.most;
    return { again: { afterMs: Math.min(most, retryMs.first * 2 ** (entry.failures - 1)) } };
  };

  const mapOf = (object: ApiObject): Map<string, ApiObject> => (isMirrorPod(object) ? mirrors : objects);
  /** The answer to a patch and the watch race: the newer one counts, unless it is known which one came last. */
  const keep = (object: ApiObject, isLast: boolean): void => {
    const [map, key] = [mapOf(object), mapKey(object)];
    const before = map.get(key);
    const isSame = before?.metadata.uid === object.metadata.uid;
    if (!isLast && before !== undefined && isSame && isOlder(object, before)) return;
    map.set(key, object);
  };

  return {
    published: (pod, status) => {
      const entry = entryOf(pod);
      entry.status = status;
      entry.changedAt ??= performance.now();
      // A manifest that comes back has the UID that it had.
      entry.hasEnded = false;
      queue.wake(pod.metadata.uid);
    },
    ended: (pod) => {
      entryOf(pod).hasEnded = true;
      queue.wake(pod.metadata.uid);
    },
    seen: (object, isListed = false) => {
      keep(object, isListed);
      for (const [uid, entry] of entries) {
        if (uid === object.metadata.uid || (isMirrorPod(object) && podKey(entry.pod) === objectKeyOf(object)))
          queue.wake(uid);
      }
    },
    gone: (object) => {
      const { uid = '' } = object.metadata;
      const [map, key] = [mapOf(object), mapKey(object)];
      if (map.get(key)?.metadata.uid !== uid) return;
      map.delete(key);
      if (!isMirrorPod(object)) return forget(uid);
      for (const [other, entry] of entries) if (podKey(entry.pod) === key) queue.wake(other);
    },
    stop: () => queue.stop(),
  };
}

/** A mirror pod has a UID of its own, and is found by its name. */
function mapKey(object: ApiObject): string {
  return isMirrorPod(object) ? objectKeyOf(object) : (object.metadata.uid ?? '');
}

/** Resource versions are opaque by contract, and numbers in every server that there is (KEP-5504 makes it so). */
function isOlder(a: ApiObject, b: ApiObject): boolean {
  const [first, second] = [a, b].map(({ metadata }) => BigInt(/^\d+$/.exec(metadata.resourceVersion ?? '')?.[0] ?? 0));
  return (first ?? 0n) < (second ?? 0n);
}

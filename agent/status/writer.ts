import pLimit from 'p-limit';
import { isConflict, isNotFound } from '../api/errors.ts';
import { type ApiClient, type ApiObject, resources } from '../api/types.ts';
import type { Pod, PodStatus } from '../objects/types.ts';
import { podKey } from '../objects/types.ts';
import { isMirrorPod } from '../sources/api-pod.ts';
import { createWorkQueue } from '../work-queue.ts';
import { statusPatch } from './patch-plan.ts';

/** Brings the statuses of pods to the API server, and takes a pod off it that has ended as it was asked to. */
export interface StatusWriter {
  /** A pod has this status now. Only the newest is written. */
  published(pod: Pod, status: PodStatus): void;
  /** Nothing is left of a pod on this node: its object goes when its last status is written. */
  ended(pod: Pod): void;
  /** What the server has now. */
  seen(object: ApiObject): void;
  /** The server does not have it any more. */
  gone(object: ApiObject): void;
  stop(): Promise<void>;
}

export interface StatusWriterOptions {
  readonly client: ApiClient;
  readonly log: { warn(fields: object, message: string): void; debug(fields: object, message: string): void };
}

/** Requests at a time: one hangs as long as the server does, and must not hold all others up. */
const parallel = 8;
const retryMs = { first: 500, most: 10_000 } as const;

interface Entry {
  pod: Pod;
  status: PodStatus | undefined;
  written: PodStatus | undefined;
  hasEnded: boolean;
  failures: number;
}

/** Keyed by the UID of the pod that runs; a static pod's status goes to the mirror pod of its name. */
export function createStatusWriter({ client, log }: StatusWriterOptions): StatusWriter {
  const entries = new Map<string, Entry>();
  const objects = new Map<string, ApiObject>();
  const mirrors = new Map<string, ApiObject>();
  const limit = pLimit(parallel);
  const queue = createWorkQueue((uid, signal) => limit(() => write(uid, signal)));

  const entryOf = (pod: Pod): Entry => {
    const { uid } = pod.metadata;
    const entry = entries.get(uid) ?? { pod, status: undefined, written: undefined, hasEnded: false, failures: 0 };
    entry.pod = pod;
    entries.set(uid, entry);
    return entry;
  };
  const targetOf = ({ pod }: Entry): ApiObject | undefined => objects.get(pod.metadata.uid) ?? mirrors.get(podKey(pod));

  const write = async (uid: string, signal: AbortSignal): Promise<{ again?: { afterMs: number } }> => {
    const entry = entries.get(uid);
    const target = entry === undefined ? undefined : targetOf(entry);
    if (entry === undefined || target === undefined) return {};
    try {
      await patch(entry, target, signal);
      if (entry.hasEnded) await remove(entry, target, signal);
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
    if (body === undefined) return;
    const path = { ...pathOf(target), subresource: 'status' };
    const type = 'application/strategic-merge-patch+json';
    const answer = await client.patch(resources.pods, path, { type, body }, signal);
    entry.written = status;
    keep(answer);
  };

  const remove = async (entry: Entry, target: ApiObject, signal: AbortSignal): Promise<void> => {
    const { uid } = entry.pod.metadata;
    if (isMirrorPod(target) || target.metadata.deletionTimestamp === undefined) return;
    await client.delete(resources.pods, pathOf(target), { gracePeriodSeconds: 0, preconditions: { uid } }, signal);
  };

  const failed = (entry: Entry, error: unknown, signal: AbortSignal): { again?: { afterMs: number } } => {
    if (signal.aborted) return {};
    const { name, namespace } = entry.pod.metadata;
    // Gone, or another pod of that name by now: the watch will tell.
    if (isNotFound(error) || isConflict(error)) return {};
    entry.failures += 1;
    log.warn({ pod: name, namespace, err: error }, 'status of the pod cannot be written, will retry');
    return { again: { afterMs: Math.min(retryMs.most, retryMs.first * 2 ** (entry.failures - 1)) } };
  };

  /** The answer to a patch and the watch race: the newer one counts. */
  const keep = (object: ApiObject): void => {
    const map = isMirrorPod(object) ? mirrors : objects;
    const key = isMirrorPod(object) ? keyOf(object) : (object.metadata.uid ?? '');
    const before = map.get(key);
    if (before !== undefined && before.metadata.uid === object.metadata.uid && isOlder(object, before)) return;
    map.set(key, object);
  };

  return {
    published: (pod, status) => {
      entryOf(pod).status = status;
      queue.wake(pod.metadata.uid);
    },
    ended: (pod) => {
      entryOf(pod).hasEnded = true;
      queue.wake(pod.metadata.uid);
    },
    seen: (object) => {
      keep(object);
      for (const [uid, entry] of entries) {
        if (uid === object.metadata.uid || (isMirrorPod(object) && podKey(entry.pod) === keyOf(object)))
          queue.wake(uid);
      }
    },
    gone: (object) => {
      const uid = object.metadata.uid ?? '';
      objects.delete(uid);
      if (mirrors.get(keyOf(object))?.metadata.uid === uid) mirrors.delete(keyOf(object));
      if (entries.get(uid)?.hasEnded === true || isMirrorPod(object)) queue.forget(uid);
      entries.delete(uid);
    },
    stop: () => queue.stop(),
  };
}

function pathOf({ metadata }: ApiObject): { readonly namespace: string; readonly name: string } {
  return { namespace: metadata.namespace ?? 'default', name: metadata.name };
}

function keyOf({ metadata }: ApiObject): string {
  return `${metadata.namespace ?? 'default'}/${metadata.name}`;
}

/** Resource versions are opaque by contract, and numbers in every server that there is (KEP-5504 makes it so). */
function isOlder(a: ApiObject, b: ApiObject): boolean {
  const [first, second] = [a, b].map(({ metadata }) => BigInt(/^\d+$/.exec(metadata.resourceVersion ?? '')?.[0] ?? 0));
  return (first ?? 0n) < (second ?? 0n);
}

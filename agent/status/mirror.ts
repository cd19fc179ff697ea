import { ApiStatusError, isConflict, isNotFound } from '../api/errors.ts';
import { type ApiClient, type ApiObject, resources } from '../api/types.ts';
import type { EventRecorder } from '../events/types.ts';
import { CONFIG_SOURCE } from '../objects/static-pod.ts';
import { type Pod, podKey } from '../objects/types.ts';
import { podReference } from '../pods/references.ts';
import { isMirrorPod } from '../sources/api-pod.ts';
import { FILE_SOURCE } from '../sources/sourced.ts';
import type { ObjectStore } from '../sources/types.ts';
import { type Round, uncounted } from '../round.ts';
import { createWorkQueue, type RunResult } from '../work-queue.ts';
import { mirrorStep, renderMirrorPod } from './mirror-plan.ts';
import { objectKeyOf, objectPath } from './object-key.ts';

export interface MirrorPodsOptions {
  readonly client: Pick<ApiClient, 'create' | 'delete'>;
  /** Of the manifests' source and of the API's: nothing is done before both have told all that they have. */
  readonly store: Pick<ObjectStore, 'pods' | 'synced' | 'subscribe'>;
  readonly events: EventRecorder;
  readonly log: { warn(fields: object, message: string): void; debug(fields: object, message: string): void };
  readonly nodeName: string;
  /** Counts a round. */
  readonly round?: Round;
  /** UID of the Node; undefined as long as it is not registered. */
  readonly nodeUid: () => string | undefined;
  /** Whether a static pod of this key (`podKey`) is still being stopped. */
  readonly isEnding: (key: string) => boolean;
}

/** Keeps a mirror pod in the API for each static pod. */
export interface MirrorPods {
  /** What the server has now, and what it does not have any more; other pods do no harm. */
  seen(object: ApiObject): void;
  gone(object: ApiObject): void;
  /** Nothing is left of a pod on this node. */
  ended(pod: Pod): void;
  stop(): Promise<void>;
}

const nodeWaitMs = 1_000;
/** What the server refuses it may take later, e.g. when the namespace has been made, or it knows this node. */
const retryMs = { first: 500, most: 300_000 } as const;
const awayMs = 10_000;
const recheckMs = 10_000;
/** A refusal that lasts is told once. */
const toldAtFailure = 4;

export function createMirrorPods(options: MirrorPodsOptions): MirrorPods {
  const { client, store, events, log, nodeName, round = uncounted } = options;
  const mirrors = new Map<string, ApiObject>();
  const failures = new Map<string, number>();
  /** Undefined before all sources have told what they have: until then no mirror is one too many. */
  let wanted: ReadonlyMap<string, Pod> | undefined;
  const queue = createWorkQueue((key, signal) => reconcile(key, signal));

  const refresh = (): void => {
    if (!store.synced()) return;
    const before = wanted;
    wanted = new Map(store.pods().flatMap(({ pod }) => (isStatic(pod) ? [[podKey(pod), pod] as const] : [])));
    for (const key of new Set([...(before?.keys() ?? mirrors.keys()), ...wanted.keys()])) {
      if (before !== undefined && before.get(key) === wanted.get(key)) continue;
      failures.delete(key);
      queue.wake(key);
    }
  };

  const reconcile = async (key: string, signal: AbortSignal): Promise<RunResult> => {
    if (wanted === undefined) return {};
    const [pod, mirror] = [wanted.get(key), mirrors.get(key)];
    const step = mirrorStep(pod, mirror, options.isEnding(key));
    try {
      if (step === 'delete' && mirror !== undefined) return await round(() => remove(mirror, signal));
      if (step === 'create' && pod !== undefined) return await round(() => create(pod, signal));
      if (pod === undefined && mirror === undefined) queue.forget(key);
      return {};
    } catch (error) {
      return signal.aborted ? {} : failed(key, pod, error);
    }
  };

  /** Only the watch says what is there, so that there is one order of things. It may have missed a mirror that went at once. */
  const create = async (pod: Pod, signal: AbortSignal): Promise<RunResult> => {
    const uid = options.nodeUid();
    if (uid === undefined) return { again: { afterMs: nodeWaitMs } };
    const { namespace } = pod.metadata;
    await client.create(resources.pods, { namespace }, renderMirrorPod(pod, { name: nodeName, uid }), signal);
    return { again: { afterMs: recheckMs } };
  };

  const remove = async (mirror: ApiObject, signal: AbortSignal): Promise<RunResult> => {
    const { uid = '' } = mirror.metadata;
    try {
      const how = { gracePeriodSeconds: 0, preconditions: { uid } };
      await client.delete(resources.pods, objectPath(mirror), how, signal);
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
    return {};
  };

  const failed = (key: string, pod: Pod | undefined, error: unknown): RunResult => {
    const count = (failures.get(key) ?? 0) + 1;
    failures.set(key, count);
    const isRefused = error instanceof ApiStatusError && error.code < 500;
    if (isRefused && count === toldAtFailure) tell(key, pod, error);
    else log.debug({ pod: key, err: error }, 'mirror pod cannot be brought up to date, will retry');
    return { again: { afterMs: Math.min(isRefused ? retryMs.most : awayMs, retryMs.first * 2 ** (count - 1)) } };
  };

  const tell = (key: string, pod: Pod | undefined, error: ApiStatusError): void => {
    log.warn({ pod: key, err: error }, 'the API server does not take the mirror pod; the static pod runs all the same');
    if (pod === undefined) return;
    const message = `Pod cannot be shown by the API server: ${error.message}`;
    events.event(podReference(pod), 'Warning', 'FailedMirrorPod', message);
  };

  const unsubscribe = store.subscribe(refresh);
  refresh();
  return {
    seen: (object) => {
      if (!isMirrorPod(object)) return;
      const key = objectKeyOf(object);
      mirrors.set(key, object);
      failures.delete(key);
      queue.wake(key);
    },
    gone: (object) => {
      const key = objectKeyOf(object);
      if (mirrors.get(key)?.metadata.uid !== object.metadata.uid) return;
      mirrors.delete(key);
      failures.delete(key);
      queue.wake(key);
    },
    ended: (pod) => {
      if (isStatic(pod)) queue.wake(podKey(pod));
    },
    stop: async () => {
      unsubscribe();
      await queue.stop();
    },
  };
}

function isStatic({ metadata }: Pod): boolean {
  return metadata.annotations[CONFIG_SOURCE] === FILE_SOURCE;
}

import { type ApiClient, type ApiObject, type FollowHandler, resources } from '../api/types.ts';
import type { Clock } from '../clock.ts';
import { isOwnCondition } from '../objects/pod-conditions.ts';
import type { Pod, PodCondition } from '../objects/types.ts';
import { API_SOURCE, isMirrorPod, podFromApi } from './api-pod.ts';
import type { SourcedPod } from './types.ts';

export interface PodsHandlerOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** All pods that are bound to this node, apart from mirror pods; each time that one of them changes. */
  readonly onPods: (pods: readonly ApiPod[]) => void;
  /** Every object of this node as the server has it now, mirror pods too; in a list, or because it has changed. */
  readonly onSeen: (object: ApiObject, isListed: boolean) => void;
  /** An object that the server does not have any more. */
  readonly onGone: (object: ApiObject) => void;
  readonly onLost: (error: unknown, failures: number) => void;
}

/** A pod, and the object that it was made of. */
export interface ApiPod extends SourcedPod {
  readonly object: ApiObject;
}

export interface PodsHandler extends FollowHandler {
  /** What a former daemon knew, in the place of a list. A list that was heard already counts more. */
  restore(objects: readonly ApiObject[]): void;
}

/** Follows the pods that are bound to this node until `signal` is aborted (kubelet: `pkg/kubelet/config/apiserver.go`). */
export async function followApiPods(
  options: { readonly client: ApiClient; readonly nodeName: string; readonly handler: FollowHandler },
  signal: AbortSignal,
): Promise<void> {
  const fieldSelector = `spec.nodeName=${options.nodeName}`;
  await options.client.follow(resources.pods, { fieldSelector }, options.handler, signal);
}

/** What becomes of the objects that {@link followApiPods} hears of. Before the first list nothing but what is restored is told. */
export function createPodsHandler({ clock, onPods, onSeen, onGone, onLost }: PodsHandlerOptions): PodsHandler {
  const objects = new Map<string, ApiObject>();
  const pods = new Map<string, ApiPod>();
  const firstSeen = new Map<string, number>();
  let isListed = false;

  const put = (object: ApiObject): void => {
    const uid = uidOf(object);
    const before = objects.get(uid);
    objects.set(uid, object);
    if (isMirrorPod(object) || (before !== undefined && isSameToUs(before, object))) return;
    const seenAt = firstSeen.get(uid) ?? clock.now();
    firstSeen.set(uid, seenAt);
    pods.set(uid, sourced(podFromApi(object, seenAt), object));
  };
  const see = (object: ApiObject, inList: boolean): void => {
    put(object);
    onSeen(object, inList);
  };
  const remove = (object: ApiObject): void => {
    const uid = uidOf(object);
    objects.delete(uid);
    firstSeen.delete(uid);
    pods.delete(uid);
    onGone(object);
  };
  const publish = (): void => onPods([...pods.values()]);

  return {
    listed: (items: readonly ApiObject[]): void => {
      const listed = new Set(items.map(uidOf));
      for (const object of [...objects.values()]) if (!listed.has(uidOf(object))) remove(object);
      for (const object of items) see(object, true);
      isListed = true;
      publish();
    },
    applied: (object: ApiObject): void => {
      const before = pods.get(uidOf(object));
      see(object, false);
      if (pods.get(uidOf(object)) !== before) publish();
    },
    deleted: (object: ApiObject): void => {
      remove(object);
      publish();
    },
    lost: onLost,
    restore: (former: readonly ApiObject[]): void => {
      if (isListed) return;
      former.forEach(put);
      publish();
    },
  };
}

function sourced(pod: Pod, object: ApiObject): ApiPod {
  return { pod, object, source: API_SOURCE, origin: API_SOURCE };
}

function uidOf({ metadata }: ApiObject): string {
  return metadata.uid ?? '';
}

/**
 * Whether only what this node itself wrote differs: each status that is written comes back as an event, and must not run the pod's
 * worker again. Conditions of others count: readiness gates.
 */
function isSameToUs(a: ApiObject, b: ApiObject): boolean {
  return JSON.stringify(viewOf(a)) === JSON.stringify(viewOf(b));
}

function viewOf({ metadata, spec, status }: ApiObject): readonly unknown[] {
  const { labels, annotations, deletionTimestamp, deletionGracePeriodSeconds, generation } = metadata;
  const { conditions = [] } = (status ?? {}) as { readonly conditions?: readonly PodCondition[] };
  const foreign = conditions.filter((one) => !isOwnCondition(one)).map(({ type, status: is }) => [type, is]);
  return [labels, annotations, deletionTimestamp, deletionGracePeriodSeconds, generation, spec, foreign];
}

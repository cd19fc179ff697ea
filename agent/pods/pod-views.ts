import { type Pod, type PodStatus, podKey } from '../objects/types.ts';
import type { PodIdentity } from '../runtime/types.ts';
import type { ObjectStore } from '../sources/types.ts';
import type { PodRecord } from './pod-record.ts';
import { isTerminalPhase } from './status.ts';

/** What is known of one pod, for the API and the command line. */
export interface PodView {
  readonly pod: Pod;
  readonly status: PodStatus | undefined;
  readonly terminating: boolean;
  readonly lastError: { readonly time: number; readonly message: string } | undefined;
}

/** Each pod as it is desired, granted or not. */
export function viewsOf(records: Iterable<PodRecord>): readonly PodView[] {
  const views: PodView[] = [];
  for (const { desired, status, terminating, lastError, hasEnded } of records) {
    if (desired !== undefined && !hasEnded) views.push({ pod: desired, status, terminating, lastError });
  }
  return views;
}

/**
 * Pods that the node has taken, with the resources that it has granted, apart from those that have ended or are ending.
 *
 * @param isListed whether the runtime has something of it: then an earlier daemon has taken it
 */
export function admittedOf(records: Iterable<PodRecord>, isListed: (uid: string) => boolean): readonly Pod[] {
  const pods: Pod[] = [];
  for (const { pod, isRestored, failure, terminating, status, identity } of records) {
    if (pod === undefined || terminating || failure !== undefined || isTerminalPhase(status?.phase)) continue;
    if (isRestored || isListed(identity.uid)) pods.push(pod);
  }
  return pods;
}

/**
 * Whether nobody wants a pod that the runtime has, and nobody will: all that is wanted is known, or a source that is heard
 * wants another of its name.
 */
export function isOrphan(pod: PodIdentity, store: Pick<ObjectStore, 'pod' | 'pods' | 'complete'>): boolean {
  if (store.pod(pod.uid) !== undefined) return false;
  if (store.complete()) return true;
  return store.pods().some(({ pod: other, source }) => hasNameOf(other.metadata, pod) && store.complete(source));
}

type Name = Pick<PodIdentity, 'namespace' | 'name'>;

/** Whether two pods have the same namespace and name, as a pod and its successor have. */
export function hasNameOf(one: Name, other: Name): boolean {
  return podKey({ metadata: one }) === podKey({ metadata: other });
}

import type { Pod } from '../objects/types.ts';
import type { RuntimePodSummary } from '../runtime/types.ts';
import type { ObjectStore } from '../sources/types.ts';
import type { PodDeps } from './deps.ts';
import type { PodView } from './pod-views.ts';
import type { PodFailure } from './status.ts';

/** The pods of this node, each with a worker of its own. */
export interface PodManager {
  /** Takes the runtime's list of pods: finds orphans, and wakes the pods whose containers changed unnoticed. */
  relisted(pods: readonly RuntimePodSummary[]): void;
  /** Something happened to a container of this pod. */
  wake(uid: string): void;
  /** Wakes every pod: the runtime came back. */
  wakeAll(): void;
  pods(): readonly PodView[];
  /** Pods that this node has taken, with the resources that it has granted, apart from those that have ended or are ending. */
  admitted(): readonly Pod[];
  /**
   * Ends a pod for good: it is killed and stays in phase Failed.
   *
   * @param graceSeconds undefined for the pod's own
   */
  fail(uid: string, failure: PodFailure, graceSeconds: number | undefined): void;
  /** Runs a pod that has ended once more, from its beginning; false when there is none or it has not ended. */
  rerun(uid: string): boolean;
  /** Stops all workers; the pods go on running. */
  stop(): Promise<void>;
}

export interface PodManagerOptions {
  readonly deps: PodDeps;
  readonly store: ObjectStore;
  /** Called once, when every pod that was wanted or found at the start had its first run. */
  readonly onFirstReconcile: () => void;
  /** Called after each run of a pod, its first one or a later one: what {@link PodManager.admitted} tells may have changed. */
  readonly onRun?: (operation: 'create' | 'sync', seconds: number) => void;
  /** A pod has ended and what it held is free. */
  readonly onEnded: () => void;
  /** The same of a pod whose object is known. */
  readonly onPodEnded?: (pod: Pod) => void;
}

import type { ResizeRefusal } from '../admission/resize.ts';
import { isDeleted, type Pod, type PodStatus } from '../objects/types.ts';
import type { PodIdentity } from '../runtime/types.ts';
import type { Allocation } from './allocation.ts';
import type { WaitingReason } from './container-status.ts';
import type { AskedResize } from './resize.ts';
import type { ResizeProgress } from './resize-conditions.ts';
import type { PodFailure } from './status.ts';

/** What the daemon remembers of one pod between runs; all of it may be lost without harm. */
export interface PodRecord {
  readonly identity: PodIdentity;
  /** The last desired object; undefined for a pod that only the runtime knows. */
  desired: Pod | undefined;
  /** The same with the resources that the node has granted: what all work goes by. */
  pod: Pod | undefined;
  /** Undefined before the node has granted any. */
  allocation: Allocation | undefined;
  /** Why the node does not grant the resources that {@link desired} asks for. */
  pendingResize: ResizeRefusal | undefined;
  /** What is left to do of a resize that was granted. */
  resizeProgress: ResizeProgress | undefined;
  /** The pod's generation when a resize was last granted. */
  grantedGeneration: number | undefined;
  status: PodStatus | undefined;
  /** Why containers do not run, by name. */
  readonly waiting: Map<string, WaitingReason>;
  /** What containers that have ended left, by ID. */
  readonly terminationMessages: Map<string, string>;
  /** Resizes that were asked for, by container ID. */
  readonly resizes: Map<string, AskedResize>;
  /** The pod's cgroup is wider than the pod wants: its containers were about to change. */
  isCgroupRaised: boolean;
  /** The pod failed as a whole: it is ended, and stays so. */
  failure: PodFailure | undefined;
  /** Grace period for the end of a pod that failed, seconds; undefined for its own. */
  failureGraceSeconds: number | undefined;
  lastError: { readonly time: number; readonly message: string } | undefined;
  /** What an earlier daemon wrote down of it has been read, and whether this node takes it has been decided. */
  isRestored: boolean;
  /** The pod is over, and volumes and cgroup have been given back. */
  isReleased: boolean;
  /** It has ended, and is to run once more. */
  isRerunAsked: boolean;
  /** Once true it stays so until the pod has ended, whatever becomes of its manifest meanwhile. */
  terminating: boolean;
  /** Nothing is left of it here; an API server still has its object. */
  hasEnded: boolean;
}

export function createPodRecord(identity: PodIdentity, pod: Pod | undefined): PodRecord {
  return {
    identity,
    desired: pod,
    pod,
    allocation: undefined,
    pendingResize: undefined,
    resizeProgress: undefined,
    grantedGeneration: undefined,
    status: undefined,
    waiting: new Map(),
    terminationMessages: new Map(),
    resizes: new Map(),
    isCgroupRaised: false,
    failure: undefined,
    failureGraceSeconds: undefined,
    lastError: undefined,
    isRestored: false,
    isReleased: false,
    isRerunAsked: false,
    terminating: pod === undefined || isDeleted(pod),
    hasEnded: false,
  };
}

import type { ResizeRefusal } from '../admission/resize.ts';
import type { Pod, PodCondition, PodStatus } from '../objects/types.ts';
import { timestamp } from './container-status.ts';
import type { PodPhase } from './phase.ts';

/** What is left to do of a resize that the node has granted. */
export interface ResizeProgress {
  /** Names of the containers that still have what they had before. */
  readonly containers: readonly string[];
  /** Why the last try failed; undefined while none has. */
  readonly error: string | undefined;
}

/** How far the node is in giving a pod the resources that its spec asks for. */
export interface ResizeState {
  /** The node cannot give them now, or never. */
  readonly pending: ResizeRefusal | undefined;
  /** Undefined when the containers have what they were granted. */
  readonly progress: ResizeProgress | undefined;
  /** The pod's generation when the node last granted a resize; undefined when this daemon has granted none. */
  readonly grantedGeneration: number | undefined;
}

export const noResize: ResizeState = { pending: undefined, progress: undefined, grantedGeneration: undefined };

export interface ResizeConditionInput {
  readonly pod: Pod;
  readonly phase: PodPhase;
  readonly resize: ResizeState;
  readonly previous: PodStatus | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * `PodResizePending` and `PodResizeInProgress` (KEP-1287; `GetPodResizeConditions`, pkg/kubelet/status/status_manager.go). They are
 * there while they hold, and both when a resize is asked for before another one is done. A pod that has ended has neither.
 */
export function resizeConditions(input: ResizeConditionInput): readonly PodCondition[] {
  const { pod, phase, resize, previous } = input;
  if (phase === 'Succeeded' || phase === 'Failed') return [];
  const { pending, progress, grantedGeneration } = resize;
  const { generation } = pod.metadata;
  const inProgress = previous?.conditions?.find(({ type }) => type === 'PodResizeInProgress');
  const since = grantedGeneration ?? inProgress?.observedGeneration ?? generation;
  return [
    ...(pending === undefined ? [] : [condition('PodResizePending', pending, generation, input)]),
    ...(progress === undefined ? [] : [condition('PodResizeInProgress', failureOf(progress), since, input)]),
  ];
}

function failureOf({ error }: ResizeProgress): Pick<PodCondition, 'reason' | 'message'> {
  return error === undefined ? {} : { reason: 'Error', message: error };
}

/** Their status is always True: the reason tells when something has changed (`updatedPodResizeCondition`). */
function condition(
  type: string,
  why: Pick<PodCondition, 'reason' | 'message'>,
  generation: number | undefined,
  { previous, now }: ResizeConditionInput,
): PodCondition {
  const before = previous?.conditions?.find((one) => one.type === type);
  const since = before !== undefined && before.reason === why.reason ? before.lastTransitionTime : undefined;
  return {
    type,
    status: 'True',
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    lastTransitionTime: since ?? timestamp(now),
    ...why,
  };
}

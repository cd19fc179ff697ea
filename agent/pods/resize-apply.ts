import { messageOf } from '../../cni/index.ts';
import type { Pod } from '../objects/types.ts';
import type { PodDeps } from './deps.ts';
import type { PodActions, ResizeContainer } from './plan-types.ts';
import type { PodRecord } from './pod-record.ts';
import { containerReference } from './references.ts';
import { deferredRetryMs, dueResizes, noteResize, repeated } from './resize-plan.ts';

/**
 * Gives running containers other limits, and makes room in the pod's cgroup for them and for those that are to start with
 * other limits than before. What fails is tried again later, and keeps no other container from starting.
 *
 * @returns what cannot be had now
 */
export async function applyResizes(
  deps: PodDeps,
  record: PodRecord,
  pod: Pod,
  actions: PodActions,
  signal: AbortSignal,
): Promise<PodRecord['lastError']> {
  forgetDone(record, actions);
  const due = dueResizes(actions.resizeContainers, record.resizes, deps.clock.now());
  const starts = actions.sandboxId !== undefined && actions.startContainers.length > 0;
  if (starts || due.length > 0) {
    record.isCgroupRaised = true;
    await deps.podCgroups.raisePod(pod, signal);
  }
  for (const resize of due) await applyOne(deps, record, pod, resize, signal);
  return failedResize(deps, record, actions.resizeContainers);
}

/** Narrows the pod's cgroup to what the pod wants, once all of its containers have what they are to have. */
export async function settleCgroup(deps: PodDeps, record: PodRecord, pod: Pod, signal: AbortSignal): Promise<void> {
  if (!record.isCgroupRaised || [...record.resizes.values()].some(({ failure }) => failure !== undefined)) return;
  await deps.podCgroups.ensurePod(pod, signal);
  record.isCgroupRaised = false;
}

/** When a resize that failed, or was not granted, is tried again, milliseconds since the epoch. */
export function nextResize(
  { resizes, pendingResize }: PodRecord,
  { resizeContainers }: PodActions,
  now: number,
): number | undefined {
  const times = resizeContainers.flatMap((resize) => {
    const last = repeated(resize, resizes);
    return last?.failure === undefined ? [] : [last.notBefore];
  });
  if (pendingResize?.reason === 'Deferred') times.push(now + deferredRetryMs);
  return times.length === 0 ? undefined : Math.min(...times);
}

function forgetDone({ resizes }: PodRecord, { resizeContainers }: PodActions): void {
  const wanted = new Set(resizeContainers.map(({ id }) => id));
  for (const id of resizes.keys()) if (!wanted.has(id)) resizes.delete(id);
}

async function applyOne(
  deps: PodDeps,
  { resizes }: PodRecord,
  pod: Pod,
  resize: ResizeContainer,
  signal: AbortSignal,
): Promise<void> {
  const { id, container, resources } = resize;
  const { name } = container;
  const event = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
    deps.events.event(containerReference(pod, container), type, reason, message);
  const before = repeated(resize, resizes);
  try {
    await deps.runtime.updateContainerResources(id, resources, signal);
    resizes.set(id, noteResize(resize, resizes, undefined, deps.clock.now()));
    if (before === undefined || before.failure !== undefined) {
      event('Normal', 'ResizeCompleted', `Container ${name} was resized without a restart`);
    }
  } catch (error) {
    signal.throwIfAborted();
    const message = `Container ${name} could not be resized: ${messageOf(error)}`;
    resizes.set(id, noteResize(resize, resizes, message, deps.clock.now()));
    event('Warning', 'ResizeError', message);
  }
}

function failedResize(
  deps: PodDeps,
  { resizes, lastError }: PodRecord,
  wanted: readonly ResizeContainer[],
): PodRecord['lastError'] {
  for (const resize of wanted) {
    const message = repeated(resize, resizes)?.failure;
    if (message === undefined) continue;
    return lastError?.message === message ? lastError : { time: deps.clock.now(), message };
  }
  return undefined;
}

import { isDeepStrictEqual } from 'node:util';
import type { PodActions, ResizeContainer } from './plan-types.ts';
import type { AskedResize } from './resize.ts';
import type { ResizeProgress } from './resize-conditions.ts';

/** A kernel that lacks a controller never has what was asked for. */
const repeatMs = 5 * 60_000;
const retryInitialMs = 10_000;
/** When a resize that waits for room is judged again, at the latest (`retryDelay`, pkg/kubelet/allocation/allocation_manager.go). */
export const deferredRetryMs = 3 * 60_000;

/**
 * The resizes to ask for now. One that failed is tried again after a while that doubles, and one that went well without
 * effect every five minutes; other values are asked for at once.
 */
export function dueResizes(
  resizes: readonly ResizeContainer[],
  asked: ReadonlyMap<string, AskedResize>,
  now: number,
): readonly ResizeContainer[] {
  return resizes.filter((resize) => {
    const last = repeated(resize, asked);
    return last === undefined || now >= last.notBefore;
  });
}

/** What to remember of a resize that was just asked for. */
export function noteResize(
  resize: ResizeContainer,
  asked: ReadonlyMap<string, AskedResize>,
  failure: string | undefined,
  now: number,
): AskedResize {
  const last = repeated(resize, asked);
  const doubled = last?.failure !== undefined ? Math.min(2 * last.delayMs, repeatMs) : retryInitialMs;
  const delayMs = failure === undefined ? repeatMs : doubled;
  return { resources: resize.resources, failure, delayMs, notBefore: now + delayMs };
}

/**
 * Whether running containers still are to change (`isPodResizeInProgress`, pkg/kubelet/allocation/allocation_manager.go). A change
 * that the runtime has taken is done, also when its kernel has no controller for it.
 */
export function resizeProgress(
  { resizeContainers, killContainers }: Pick<PodActions, 'resizeContainers' | 'killContainers'>,
  asked: ReadonlyMap<string, AskedResize>,
): ResizeProgress | undefined {
  const tries = resizeContainers.map((resize) => ({ resize, last: repeated(resize, asked) }));
  const isDone = (last: AskedResize | undefined): boolean => last !== undefined && last.failure === undefined;
  const containers = [
    ...tries.filter(({ last }) => !isDone(last)).map(({ resize }) => resize.container.name),
    ...killContainers.filter(({ forResize }) => forResize === true).map(({ container }) => container.name),
  ];
  if (containers.length === 0) return undefined;
  return { containers, error: tries.find(({ last }) => last?.failure !== undefined)?.last?.failure };
}

/** The last time that the same was asked for. */
export function repeated(
  { id, resources }: ResizeContainer,
  asked: ReadonlyMap<string, AskedResize>,
): AskedResize | undefined {
  const last = asked.get(id);
  return last !== undefined && isDeepStrictEqual(last.resources, resources) ? last : undefined;
}

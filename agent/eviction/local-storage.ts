import type { Pod } from '../objects/types.ts';
import { uncounted } from '../round.ts';
import type { EvictionDeps } from './deps.ts';
import { evictPod, immediateGraceSeconds } from './evict-pod.ts';
import { limitedStorage, limitExceeded } from './limits.ts';
import { isSpared } from './spared.ts';

/** The kubelet's `evictionMonitoringPeriod`. */
const periodMs = 10_000;
/** A walk that took a second is not repeated before this many seconds: measuring takes 2 % of the time at most. */
const costFactor = 50;

/**
 * Evicts pods that are beyond a limit of their local storage, until `signal` is aborted. Apart from the loop that looks for
 * pressure, because to measure takes as long as there are files. Only pods that have a limit and can be evicted are measured.
 *
 * @param imageFsIsOwn writable layers are not on the node's own file system
 */
export async function enforceLocalStorage(
  deps: EvictionDeps,
  imageFsIsOwn: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  const dueAt = new Map<string, number>();
  for (;;) {
    await deps.clock.sleep(periodMs, signal);
    const pods = deps.activePods().filter((pod) => limitedStorage(pod).volumes && !isSpared(pod));
    forgetOthers(dueAt, pods);
    const due = pods.filter(({ metadata }) => (dueAt.get(metadata.uid) ?? 0) <= deps.clock.now());
    await (deps.rounds?.storage ?? uncounted)(async () => {
      for (const pod of due) {
        const startedAt = deps.clock.now();
        await checkPod(deps, pod, imageFsIsOwn(), signal);
        const now = deps.clock.now();
        dueAt.set(pod.metadata.uid, now + (now - startedAt) * costFactor);
      }
    });
  }
}

/** A pod that cannot be measured is left alone until the next time. */
async function checkPod(deps: EvictionDeps, pod: Pod, imageFsIsOwn: boolean, signal: AbortSignal): Promise<void> {
  try {
    const usage = await deps.podStats.disk(pod, limitedStorage(pod).layers, signal);
    const message = limitExceeded(pod, usage, imageFsIsOwn);
    if (message === undefined) return;
    evictPod(deps, pod, { message, graceSeconds: immediateGraceSeconds, isForNode: false });
  } catch (error) {
    signal.throwIfAborted();
    const { name, namespace } = pod.metadata;
    deps.log.debug({ pod: name, namespace, err: error }, 'cannot measure what a pod has on disk');
  }
}

function forgetOthers(dueAt: Map<string, number>, pods: readonly Pod[]): void {
  const uids = new Set(pods.map(({ metadata }) => metadata.uid));
  for (const uid of dueAt.keys()) if (!uids.has(uid)) dueAt.delete(uid);
}

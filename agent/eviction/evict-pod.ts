import type { Pod } from '../objects/types.ts';
import { podReference } from '../pods/references.ts';
import type { EvictionDeps } from './deps.ts';
import { isSpared } from './spared.ts';

/** The kubelet's `immediateEvictionGracePeriodSeconds`. */
export const immediateGraceSeconds = 1;
/** How long after its grace period an evicted pod is waited for (`podCleanupTimeout`). */
const cleanupMs = 30_000;
const pollMs = 1_000;

/** Why a pod is evicted, and how much time it has. */
export interface Eviction {
  readonly message: string;
  readonly graceSeconds: number;
  /** The node is short of something. A pod beyond a limit of its own is no target of a disruption: it has failed by itself. */
  readonly isForNode: boolean;
}

/**
 * Evicts a pod: its event, then its end. Does not wait for it.
 *
 * @returns false for a pod that is spared: nothing was done
 */
export function evictPod(deps: EvictionDeps, pod: Pod, { message, graceSeconds, isForNode }: Eviction): boolean {
  if (isSpared(pod)) return false;
  const { name, namespace, uid } = pod.metadata;
  deps.log.info({ pod: name, namespace, reason: message, graceSeconds }, 'evicting pod');
  deps.events.event(podReference(pod), 'Warning', 'Evicted', message);
  const disruption = isForNode ? { disruption: message } : {};
  deps.evict(uid, { reason: 'Evicted', message, ...disruption }, graceSeconds);
  return true;
}

/** Waits until the pod has ended, for its grace period and half a minute at most: what it held counts until then. */
export async function waitForEnd(
  { hasEnded, clock, log }: EvictionDeps,
  uid: string,
  graceSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = clock.now() + graceSeconds * 1000 + cleanupMs;
  while (!hasEnded(uid)) {
    if (clock.now() >= deadline) return log.warn({ podUid: uid }, 'an evicted pod has not ended in time, going on');
    await clock.sleep(pollMs, signal);
  }
}

/** Grace period of a pod that a threshold evicts: short for a hard one, at most the configured one for a soft one. */
export function graceSecondsFor(pod: Pod, isHard: boolean, maxSeconds: number | undefined): number {
  if (isHard) return immediateGraceSeconds;
  const own = pod.spec.terminationGracePeriodSeconds;
  return Math.max(immediateGraceSeconds, Math.min(own, maxSeconds ?? own));
}

import { CONFIG_SEEN } from '../objects/index.ts';
import type { Pod, PodStatus } from '../objects/types.ts';

/** Times how long pods take to start. */
export interface PodStarts {
  /** A pod has this status now. */
  published(pod: Pod, status: Pick<PodStatus, 'phase'>): void;
  /** Nothing is left of a pod. */
  ended(pod: Pod): void;
}

/**
 * From when the daemon saw a pod to when it ran, once a pod (kubelet: `SyncPod`, pkg/kubelet/kubelet.go). A pod that ran already
 * when this daemon began is none of them.
 *
 * @param started is told the seconds
 */
export function createPodStarts(now: () => number, started: (seconds: number) => void): PodStarts {
  const pending = new Set<string>();
  return {
    published: ({ metadata: { uid, annotations } }, { phase }) => {
      if (phase === 'Pending') return void pending.add(uid);
      const wasPending = pending.delete(uid);
      const seenAt = Date.parse(annotations[CONFIG_SEEN] ?? '');
      if (wasPending && phase === 'Running' && !Number.isNaN(seenAt)) started(Math.max(0, now() - seenAt) / 1000);
    },
    ended: ({ metadata }) => void pending.delete(metadata.uid),
  };
}

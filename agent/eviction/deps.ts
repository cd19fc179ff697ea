import type { Clock } from '../clock.ts';
import type { EventRecorder } from '../events/types.ts';
import type { Pod } from '../objects/types.ts';
import type { Log } from '../pods/deps.ts';
import type { PodFailure } from '../pods/status.ts';
import type { Round } from '../round.ts';
import type { NodeStats, PodStats } from '../stats/index.ts';
import type { EvictionSettings } from './settings.ts';

/** All that eviction acts through. */
export interface EvictionDeps {
  readonly settings: EvictionSettings;
  readonly nodeName: string;
  readonly nodeStats: (signal: AbortSignal) => Promise<NodeStats>;
  readonly podStats: PodStats;
  /** Pods that this node has taken, apart from those that have ended or are ending. */
  readonly activePods: () => readonly Pod[];
  /** IDs of the containers of a pod that run, by name. */
  readonly runningContainers: (uid: string) => ReadonlyMap<string, string>;
  /** Whether a pod that was evicted has ended. */
  readonly hasEnded: (uid: string) => boolean;
  /** Ends a pod for good, in phase Failed. */
  readonly evict: (uid: string, failure: PodFailure, graceSeconds: number | undefined) => void;
  /** A pod was evicted for want of a resource of the node: the kubelet's name of it, `memory.available`. */
  readonly onEvicted?: (signal: string) => void;
  /** Removes containers that are of no use any more. */
  readonly reclaimContainers: (signal: AbortSignal) => Promise<void>;
  /** Removes images that no container uses. */
  readonly reclaimImages: (signal: AbortSignal) => Promise<void>;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** Counts a look at the node, and one at what pods have on disk. */
  readonly rounds?: { readonly node: Round; readonly storage: Round };
  readonly log: Log;
}

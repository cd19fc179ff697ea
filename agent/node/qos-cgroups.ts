import type { PodCgroups } from '../cgroups/pod-cgroups.ts';
import type { Pod } from '../objects/types.ts';
import type { Log } from '../pods/deps.ts';
import { type Round, uncounted } from '../round.ts';
import { createWorkQueue } from '../work-queue.ts';

/** Weights of classes matter when the CPU is short for long: a second of old ones harms nobody. */
const settleMs = 1_000;
const retryMs = 60_000;

export interface QosCgroups {
  /** The runtime answers: it is known how cgroups are named. */
  runtimeKnown(): void;
  /** A pod may have come, gone, or changed. Cheap: many calls make one update. */
  podsChanged(): void;
  stop(): Promise<void>;
}

export interface QosCgroupsDeps {
  readonly podCgroups: Pick<PodCgroups, 'ensureQos'>;
  /** Pods that run on this node or are about to. */
  readonly pods: () => readonly Pod[];
  readonly log: Pick<Log, 'warn'>;
  /** Counts a round. */
  readonly round?: Round;
}

/**
 * Keeps the cgroups above those of pods at what the pods need together (kubelet: `UpdateCgroups` of the
 * `QOSContainerManager`, which runs once a minute). No pod waits for it.
 */
export function createQosCgroups({ podCgroups, pods, log, round = uncounted }: QosCgroupsDeps): QosCgroups {
  const queue = createWorkQueue(async (_, signal) => {
    try {
      await round(() => podCgroups.ensureQos(pods(), signal));
      return {};
    } catch (error) {
      if (signal.aborted) return {};
      log.warn({ err: error }, 'cgroups of pod classes cannot be set, will retry');
      return { again: { afterMs: retryMs } };
    }
  });
  let isKnown = false;
  return {
    runtimeKnown: () => {
      isKnown = true;
      queue.wake('qos');
    },
    podsChanged: () => {
      if (isKnown) queue.wake('qos', settleMs);
    },
    stop: () => queue.stop(),
  };
}

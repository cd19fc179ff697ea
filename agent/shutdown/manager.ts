import type { Clock } from '../clock.ts';
import type { EventRecorder, ObjectReference } from '../events/types.ts';
import type { Pod } from '../objects/types.ts';
import type { Log } from '../pods/deps.ts';
import type { PodFailure } from '../pods/status.ts';
import { type Round, uncounted } from '../round.ts';
import type { Logind } from './logind.ts';
import { type ShutdownGroup, shutdownFailure, shutdownGroups, type ShutdownPeriod, shutdownRefusal } from './plan.ts';

export interface NodeShutdownDeps {
  readonly periods: readonly ShutdownPeriod[];
  readonly logind: Logind;
  /** Pods that are to end. */
  readonly activePods: () => readonly Pod[];
  readonly fail: (uid: string, failure: PodFailure, graceSeconds: number) => void;
  /** Nothing of the pod runs any more, and its volumes are gone. */
  readonly hasEnded: (uid: string) => boolean;
  /** The host goes on after all: what was ended for good may run again. */
  readonly resume: () => void;
  /** {@link NodeShutdown.isShuttingDown} says something else now. */
  readonly onChange: () => void;
  readonly node: ObjectReference;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** Counts a wait for a shutdown, which fails when logind cannot be heard. */
  readonly round?: Round;
  readonly log: Log;
}

/** Graceful shutdown of the node (KEP-2000): the host waits until the pods have ended in order. */
export interface NodeShutdown {
  isShuttingDown(): boolean;
  /** Why no pod may begin now; undefined when it may. */
  admissionProblem(): PodFailure | undefined;
  run(signal: AbortSignal): Promise<void>;
}

const retryMs = 30_000;
const pollMs = 200;

/** Without periods the host does not wait, and nothing is asked of logind. */
export function createNodeShutdown(deps: NodeShutdownDeps): NodeShutdown {
  let isShuttingDown = false;
  const changed = (value: boolean): void => {
    isShuttingDown = value;
    const what = value ? 'Shutdown manager detected shutdown event' : 'Shutdown manager detected shutdown cancellation';
    deps.events.event(deps.node, 'Normal', 'NodeShutdown', what);
    deps.onChange();
  };

  const follow = async (signal: AbortSignal): Promise<void> => {
    const seconds = deps.periods.reduce((sum, period) => sum + period.seconds, 0);
    await deps.logind.ensureDelay(seconds, signal);
    let lock = await deps.logind.inhibit(signal);
    deps.log.info({ seconds }, 'a shutdown of the host waits for the pods');
    try {
      for await (const begins of deps.logind.watch(signal)) {
        changed(begins);
        if (begins) {
          await endPods(deps, signal);
          lock.release();
        } else {
          lock = await deps.logind.inhibit(signal);
          deps.resume();
        }
      }
    } finally {
      lock.release();
    }
    throw new Error('logind cannot be heard any more');
  };

  return {
    isShuttingDown: () => isShuttingDown,
    admissionProblem: () => (isShuttingDown ? shutdownRefusal : undefined),
    run: async (signal) => {
      if (deps.periods.length === 0) return;
      for (let failures = 0; !signal.aborted; failures += 1) {
        await (deps.round ?? uncounted)(() => follow(signal)).catch((error: unknown) => {
          if (signal.aborted || failures > 0) return;
          deps.log.warn({ err: error }, 'a shutdown of the host will not wait for the pods, trying again');
        });
        await deps.clock.sleep(retryMs, signal).catch(() => undefined);
      }
    },
  };
}

/** A group after the other; each is waited for as long as it may take, and not longer. */
async function endPods(deps: NodeShutdownDeps, signal: AbortSignal): Promise<void> {
  const { periods, log } = deps;
  for (const group of shutdownGroups(periods, deps.activePods())) {
    log.info(
      { priority: group.priority, pods: group.pods.length, seconds: group.seconds },
      'the host shuts down: ending pods',
    );
    await endGroup(deps, group, signal);
  }
  log.info({}, 'the host may shut down: the pods have had their time');
}

async function endGroup(
  { fail, hasEnded, clock, log }: NodeShutdownDeps,
  { pods, seconds }: ShutdownGroup<Pod>,
  signal: AbortSignal,
): Promise<void> {
  for (const { metadata, spec } of pods) {
    fail(metadata.uid, shutdownFailure, Math.min(spec.terminationGracePeriodSeconds, seconds));
  }
  const isLeft = ({ metadata }: Pod): boolean => !hasEnded(metadata.uid);
  for (const end = clock.now() + seconds * 1_000; pods.some(isLeft);) {
    if (clock.now() >= end) {
      log.warn({ pods: pods.filter(isLeft).map(({ metadata }) => metadata.name) }, 'pods have not ended in time');
      return;
    }
    await clock.sleep(pollMs, signal);
  }
}

import { existsSync } from 'node:fs';
import { exec } from '../../cni/index.ts';
import { systemClock } from '../clock.ts';
import type { PodDeps } from '../pods/deps.ts';
import type { PodManager } from '../pods/manager-types.ts';
import { isTerminalPhase } from '../pods/status.ts';
import {
  createLogind,
  createNodeShutdown,
  type NodeShutdown,
  returnsAfterShutdown,
  shutdownPeriods,
} from '../shutdown/index.ts';
import type { Foundation } from './foundation.ts';

export interface ShutdownParts {
  readonly manager: PodManager;
  readonly podDir: PodDeps['podDir'];
  /** The Node is to say whether it shuts down. */
  readonly onChange: () => void;
}

/** Graceful shutdown of this node, by its configuration. */
export function createShutdown({ config, events, log, counters }: Foundation, parts: ShutdownParts): NodeShutdown {
  const { manager, podDir, onChange } = parts;
  const viewOf = (uid: string): ReturnType<PodManager['pods']>[number] | undefined =>
    manager.pods().find(({ pod }) => pod.metadata.uid === uid);
  return createNodeShutdown({
    ...{ events, log, onChange, clock: systemClock, round: counters.loops.round('shutdown') },
    periods: shutdownPeriods(config.kubelet),
    logind: createLogind(exec, systemClock),
    node: { kind: 'Node', namespace: '', name: config.nodeName, uid: config.nodeName },
    activePods: () => manager.admitted(),
    fail: (uid, failure, graceSeconds) => manager.fail(uid, failure, graceSeconds),
    // The pod's directory goes when nothing of it runs any more.
    hasEnded: (uid) => {
      const view = viewOf(uid);
      return view === undefined || (isTerminalPhase(view.status?.phase) && !existsSync(podDir(uid)));
    },
    resume: () => {
      for (const { pod, status } of manager.pods())
        if (returnsAfterShutdown(pod, status)) manager.rerun(pod.metadata.uid);
    },
  });
}

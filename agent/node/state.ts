import type { EventStore } from '../events/types.ts';
import { pullsForPod, type PullProgress } from '../images/progress.ts';
import { qosClass } from '../objects/index.ts';
import type { PodManager } from '../pods/manager-types.ts';
import type { PodView } from '../pods/pod-views.ts';
import { timestamp } from '../pods/container-status.ts';
import { noResize } from '../pods/resize-conditions.ts';
import { computePodStatus } from '../pods/status.ts';
import type { DaemonState, NodeInfo, PodReport } from '../server/local/state.ts';
import type { ObjectStore, SourceProblem } from '../sources/types.ts';

export interface StateParts {
  readonly node: () => NodeInfo;
  readonly manager: PodManager;
  readonly store: ObjectStore;
  readonly events: EventStore;
  /** Image pulls that are under way. */
  readonly pulls: () => readonly PullProgress[];
  /** What is wrong with manifests. */
  readonly problems: () => readonly SourceProblem[];
  readonly services: DaemonState['services'];
  readonly trace: DaemonState['trace'];
  readonly now: () => number;
}

/** What the daemon knows, put together for the local API. */
export function createDaemonState(parts: StateParts): DaemonState {
  return {
    node: parts.node,
    pods: () => parts.manager.pods().map((view) => report(parts, view)),
    problems: parts.problems,
    services: parts.services,
    trace: parts.trace,
    events: (filter) => parts.events.list(filter),
  };
}

function report({ store, node, now, pulls }: StateParts, view: PodView): PodReport {
  const { uid, name, namespace } = view.pod.metadata;
  const key = `${namespace}/${name}`;
  const { lastError } = view;
  const pod = { ...view.pod, status: view.status ?? pendingStatus(view, node().addresses, now()) };
  const waitsFor = pullsForPod(pod, pulls());
  return {
    pod,
    origin: store.pod(uid)?.origin ?? '',
    terminating: view.terminating,
    warnings: store.problems().filter(({ pod, severity }) => pod === key && severity === 'warning'),
    ...(waitsFor.length === 0 ? {} : { pulls: waitsFor }),
    ...(lastError === undefined ? {} : { lastError: { time: timestamp(lastError.time), message: lastError.message } }),
  };
}

/** Status of a pod whose turn has not come yet: the runtime is away, or its predecessor still ends. */
function pendingStatus({ pod }: PodView, hostIps: readonly string[], now: number): ReturnType<typeof computePodStatus> {
  return computePodStatus({
    pod,
    observed: { uid: pod.metadata.uid, sandboxes: [], containers: [] },
    waiting: new Map(),
    previous: undefined,
    hostIps,
    qosClass: qosClass(pod),
    verdicts: { isStarted: () => false, isReady: () => false },
    terminationMessages: new Map(),
    failure: undefined,
    resize: noResize,
    isFinished: false,
    now,
  });
}

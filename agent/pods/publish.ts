import { qosClass } from '../objects/qos.ts';
import type { Pod, PodStatus } from '../objects/types.ts';
import { returnsAfterShutdown } from '../shutdown/plan.ts';
import type { ProbeManager } from '../probes/types.ts';
import type { RuntimePod } from '../runtime/types.ts';
import { withAllocation } from './allocation.ts';
import { terminationMessagePath } from './container-config.ts';
import type { ContainerVerdicts } from './container-status.ts';
import type { PodDeps } from './deps.ts';
import { podIpsOf } from './end.ts';
import { allContainers } from './observed.ts';
import type { ProbeVerdicts } from './plan-types.ts';
import type { PodRecord } from './pod-record.ts';
import { podReference } from './references.ts';
import { computePodStatus, isTerminalPhase } from './status.ts';
import { readTerminationMessages } from './termination-message.ts';

/** Of a refusal that lies in the Node's labels and taints. */
const reasonsOfNode: ReadonlySet<string> = new Set(['NodeAffinity', 'TaintToleration']);

/**
 * Takes over what an earlier daemon wrote down of a pod. A pod that is new to this node is admitted or refused here, once
 * (kubelet: `HandlePodAdditions`); one that runs already has been.
 */
export async function restore(
  deps: PodDeps,
  record: PodRecord,
  pod: Pod,
  observed: RuntimePod,
  signal: AbortSignal,
): Promise<void> {
  if (record.isRestored) return;
  await recall(deps, record, pod);
  const { status } = record;
  if (returnsAfterShutdown(pod, status)) record.isRerunAsked = true;
  if (status?.phase === 'Failed' && status.reason !== undefined) {
    record.failure = { reason: status.reason, message: status.message ?? '' };
  }
  const isNew = status === undefined && observed.sandboxes.length === 0 && observed.containers.length === 0;
  let refusal = isNew ? deps.admit(pod) : undefined;
  if (refusal !== undefined && reasonsOfNode.has(refusal.reason) && deps.readNode !== undefined) {
    // A pod that was placed by a new label may come before that label.
    await deps.readNode(signal);
    refusal = deps.admit(pod);
  }
  // Without a wait after the decision: from here on other pods are judged beside this one.
  record.isRestored = true;
  if (refusal === undefined) return;
  deps.events.event(podReference(pod), 'Warning', refusal.reason, refusal.message);
  record.failure = { reason: refusal.reason, message: `Pod was rejected: ${refusal.message}` };
}

/**
 * Finds the status that was last published: written down here, else the one that an API server has. And the resources that the
 * pod was granted.
 */
export async function recall(deps: Pick<PodDeps, 'checkpoints'>, record: PodRecord, pod: Pod): Promise<void> {
  if (record.status !== undefined) return;
  const kept = await deps.checkpoints.load(record.identity.uid);
  // It may have been found meanwhile, and be older than what was published since.
  if (record.status !== undefined) return;
  record.status = kept?.status ?? takenStatus(pod);
  record.allocation ??= kept?.allocation;
  if (record.desired !== undefined) record.pod = withAllocation(record.desired, record.allocation);
}

/** The same for pods whose own runs are still to come: they may ask for more than they were granted, or be over. */
export async function recallAll(deps: Pick<PodDeps, 'checkpoints'>, records: readonly PodRecord[]): Promise<void> {
  const former = records.filter(({ isRestored }) => !isRestored);
  await Promise.all(former.map(async (record) => record.pod && recall(deps, record, record.pod)));
}

/** A pod that no node has taken yet has a status too, of the server's. */
function takenStatus({ status }: Pod): PodStatus | undefined {
  return status?.startTime === undefined ? undefined : status;
}

/** What the probes say, to plans and to statuses. A container without a probe is well. */
export function verdictsOf(probes: ProbeManager): ProbeVerdicts & ContainerVerdicts {
  const passes = (result: string | undefined): boolean => result === undefined || result === 'success';
  return {
    isStarted: (id) => passes(probes.result(id, 'startup')),
    isReady: (id) => passes(probes.result(id, 'readiness')),
    failure: (id) => probes.failure(id),
  };
}

/** Tells the probes which containers of a pod run. A restarted daemon's probes go on from what was published. */
export function updateProbes(deps: PodDeps, { status }: PodRecord, pod: Pod, observed: RuntimePod): void {
  const published = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const specs = allContainers(pod);
  const podIp = pod.spec.hostNetwork === true ? deps.node.hostIps()[0] : podIpsOf(observed)[0];
  const running = observed.containers.flatMap(({ id, name, state, sandboxId, startedAt }) => {
    const container = specs.find((spec) => spec.name === name);
    if (container === undefined || state !== 'running' || sandboxId !== observed.sandboxes[0]?.id) return [];
    const before = published.find(({ containerID }) => containerID === `docker://${id}`);
    const previous = before && { started: before.started ?? false, ready: before.ready };
    return [{ container, id, startedAt, previous }];
  });
  deps.probes.update(pod, podIp, running);
}

/**
 * Computes the pod's status, and writes it down for a daemon that comes after this one.
 *
 * @param isFinished by its plan nothing of the pod will start any more
 */
export async function publish(
  deps: PodDeps,
  record: PodRecord,
  observed: RuntimePod,
  isFinished: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { pod } = record;
  if (pod === undefined) return;
  const podDir = deps.podDir(record.identity.uid);
  const pathOf = (name: string, attempt: number): string => terminationMessagePath(podDir, name, attempt);
  const reader = { runtime: deps.runtime, pathOf };
  // When the pod's directory is gone its words are in its status.
  if (!isTerminalPhase(record.status?.phase)) {
    await readTerminationMessages(reader, pod, observed, record.terminationMessages, signal);
  }
  record.status = computePodStatus({
    pod,
    observed,
    waiting: record.waiting,
    previous: record.status,
    hostIps: deps.node.hostIps(),
    qosClass: qosClass(pod),
    verdicts: verdictsOf(deps.probes),
    terminationMessages: record.terminationMessages,
    failure: record.failure,
    resize: {
      pending: record.pendingResize,
      progress: record.resizeProgress,
      grantedGeneration: record.grantedGeneration,
    },
    isFinished,
    now: deps.clock.now(),
  });
  deps.onStatus?.(pod, record.status);
  // On a full disk too pods must come and go.
  const { status, allocation } = record;
  await deps.checkpoints.save(record.identity.uid, { status, allocation }).catch((error: unknown) => {
    deps.log.warn({ pod: record.identity.name, err: error }, 'status of the pod cannot be written down');
  });
}

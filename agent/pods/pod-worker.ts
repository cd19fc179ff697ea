import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../../cni/index.ts';
import { isDeleted, type Pod } from '../objects/types.ts';
import { type RuntimePod, RuntimeUnavailableError } from '../runtime/types.ts';
import type { RunResult } from '../work-queue.ts';
import { allocate } from './allocate.ts';
import { deadlineOf } from './deadline.ts';
import type { PodDeps } from './deps.ts';
import { endPod, podIpsOf, releasePod, stopContext } from './end.ts';
import { mayRun } from './observed.ts';
import { computePodActions, isReplaced } from './plan.ts';
import type { PodActions } from './plan-types.ts';
import type { PodRecord } from './pod-record.ts';
import { publishedContainer } from './published.ts';
import { publish, recall, restore, updateProbes, verdictsOf } from './publish.ts';
import { backoffKey, podReference } from './references.ts';
import { applyResizes, nextResize, settleCgroup } from './resize-apply.ts';
import { resizeProgress } from './resize-plan.ts';
import { again, noteBackoffs, noteRunning, retryDelay, waitingError } from './retry.ts';
import { startContainers } from './start.ts';
import { isTerminalPhase } from './status.ts';
import { killContainers, killPod, stopSandboxes, sweepRemains } from './stop.ts';
import { prepareVolumes, refreshVolumes } from './sync-volumes.ts';

/** `ended`: nothing is left of the pod. */
export type PodRun = RunResult & { readonly ended?: boolean };

export interface PodWorker {
  /** Brings the pod one run nearer to what is desired. Rejects only when `signal` is aborted. */
  run(record: PodRecord, signal: AbortSignal): Promise<PodRun>;
}

export function createPodWorker(deps: PodDeps): PodWorker {
  return {
    run: async (record, signal) => {
      try {
        const result = record.terminating ? await terminate(deps, record, signal) : await syncPod(deps, record, signal);
        record.lastError = result.failed ?? undefined;
        return result;
      } catch (error) {
        signal.throwIfAborted();
        return failed(deps, record, error);
      }
    },
  };
}

function failed(deps: PodDeps, record: PodRecord, error: unknown): PodRun {
  const message = messageOf(error);
  record.lastError = { time: deps.clock.now(), message };
  const { name, namespace } = record.identity;
  // The reconnecting event stream wakes every pod; the retry here is the safety net.
  if (error instanceof RuntimeUnavailableError) deps.log.debug({ pod: name, namespace, err: error }, 'runtime is away');
  else deps.log.error({ pod: name, namespace, err: error }, 'pod sync failed, will retry');
  return { again: { afterMs: retryDelay() } };
}

type Run = PodRun & { readonly failed?: PodRecord['lastError'] };

async function terminate(deps: PodDeps, record: PodRecord, signal: AbortSignal): Promise<Run> {
  const { identity, pod } = record;
  const observed = await deps.runtime.podStatus(identity.uid, signal);
  if (pod !== undefined) await recall(deps, record, pod);
  await publish(deps, record, observed, false, signal);
  await endPod(deps, identity, pod, observed, signal, async () => {
    // An API server wants to know how its pod ended before the pod's object may go.
    if (!isDeleted(pod)) return;
    await publish(deps, record, await deps.runtime.podStatus(identity.uid, signal), true, signal);
  });
  deps.backoff.forget(`${record.identity.uid}/`);
  deps.sandboxBackoff.reset(record.identity.uid);
  deps.log.info({ pod: record.identity.name, namespace: record.identity.namespace }, 'pod removed');
  return { ended: true };
}

/** A sync of a pod: what is wanted, and what the runtime had of the pod when it began. */
interface Sync {
  readonly deps: PodDeps;
  readonly record: PodRecord;
  readonly pod: Pod;
  readonly observed: RuntimePod;
  readonly signal: AbortSignal;
}

async function syncPod(deps: PodDeps, record: PodRecord, signal: AbortSignal): Promise<Run> {
  if (record.pod === undefined) return {};
  const observed = await deps.runtime.podStatus(record.identity.uid, signal);
  await restore(deps, record, record.pod, observed, signal);
  if (!isReplaced(record.pod, observed)) allocate(deps, record);
  const { pod } = record;
  const sync: Sync = { deps, record, pod, observed, signal };
  if (record.isRerunAsked) return rerun(sync);
  updateProbes(deps, record, pod, observed);
  enforceDeadline(deps, record, pod);
  const planned = planOf(sync);
  record.resizeProgress = resizeProgress(planned, record.resizes);
  noteRunning(record.waiting, observed);
  noteBackoffs(deps.events, record.waiting, pod, planned.backingOff);
  await publish(deps, record, observed, planned.finished, signal);
  // What has just been published as over starts nothing any more.
  const actions = isTerminalPhase(record.status?.phase) ? planOf(sync) : planned;
  if (actions.replace) return replace(sync);
  return actions.finished ? finish(sync, actions) : apply(sync, actions);
}

function planOf({ deps, record, pod, observed }: Sync): PodActions {
  const { status, failure } = record;
  return computePodActions(pod, observed, {
    crashBackoff: (container, finishedAt) => deps.backoff.until(backoffKey(pod, container), finishedAt),
    probes: verdictsOf(deps.probes),
    resourcesOf: (container) => deps.resourcesOf(pod, container),
    isTerminal: failure !== undefined || isTerminalPhase(status?.phase),
    published: (name) => publishedContainer(status, name),
  });
}

/** A pod that is past its `activeDeadlineSeconds` fails (kubelet: `active_deadline.go`). */
function enforceDeadline(deps: PodDeps, record: PodRecord, pod: Pod): void {
  const deadline = deadlineOf(pod, record.status);
  if (deadline === undefined || deps.clock.now() < deadline || record.failure !== undefined) return;
  const message = 'Pod was active on the node longer than the specified deadline';
  record.failure = { reason: 'DeadlineExceeded', message };
  deps.events.event(podReference(pod), 'Normal', 'DeadlineExceeded', message);
}

/** Ends the pod's former self; the next run starts it anew. */
async function replace(sync: Sync): Promise<Run> {
  const { deps, pod } = sync;
  deps.events.event(podReference(pod), 'Normal', 'SandboxChanged', 'Pod definition changed, it will be replaced');
  return startOver(sync);
}

/** A pod that has ended runs once more because somebody asked for it. */
async function rerun(sync: Sync): Promise<Run> {
  const { deps, record, pod } = sync;
  deps.events.event(podReference(pod), 'Normal', 'Rerun', 'Pod has ended and is run once more');
  const result = await startOver(sync);
  record.isRerunAsked = false;
  return result;
}

async function startOver({ deps, record, pod, observed, signal }: Sync): Promise<Run> {
  await endPod(deps, record.identity, pod, observed, signal);
  deps.backoff.forget(`${record.identity.uid}/`);
  record.waiting.clear();
  record.status = undefined;
  record.failure = undefined;
  record.allocation = undefined;
  record.pod = record.desired;
  record.isRestored = false;
  record.isReleased = false;
  return { again: { afterMs: 0 } };
}

/** Everything of the pod has ended for good, or must. Its containers stay, for their logs and status. */
async function finish({ deps, record, pod, observed, signal }: Sync, actions: PodActions): Promise<Run> {
  const running = observed.containers.filter(mayRun);
  if (running.length > 0) {
    deps.probes.stopLivenessAndStartup(record.identity.uid);
    const context = stopContext(deps, record.identity, pod, observed);
    const graceSeconds = record.failureGraceSeconds ?? context.graceSeconds;
    await killPod(deps, { ...context, graceSeconds }, observed, signal);
    return { again: { afterMs: 0 } };
  }
  deps.probes.remove(record.identity.uid);
  await stopSandboxes(deps, actions.stopSandboxes, signal);
  if (isTerminalPhase(record.status?.phase) && !record.isReleased) {
    await releasePod(deps, record.identity.uid, signal);
    record.isReleased = true;
  }
  return sweep(deps, actions, signal);
}

/** Removes dead containers and sandboxes; what stays is tried again. */
async function sweep(deps: PodDeps, actions: PodActions, signal: AbortSignal): Promise<Run> {
  const remains = { sandboxes: actions.stopSandboxes, containers: actions.removeContainers };
  const message = await sweepRemains(deps, remains, signal);
  if (message === undefined) return {};
  return { again: { afterMs: retryDelay() }, failed: { time: deps.clock.now(), message } };
}

/** Carries a plan out: kill, make room, resize, volumes, start, sweep. */
async function apply(sync: Sync, actions: PodActions): Promise<Run> {
  const { deps, record, pod, observed, signal } = sync;
  if (actions.createSandbox !== undefined && actions.createSandbox > 0) {
    const message = 'Pod sandbox changed, it will be killed and re-created.';
    deps.events.event(podReference(pod), 'Normal', 'SandboxChanged', message);
  }
  await killContainers(deps, stopContext(deps, record.identity, pod, observed), actions.killContainers, signal);
  await stopSandboxes(deps, actions.stopSandboxes, signal);
  const unresized = await resize(sync, actions);
  const problem = await start(sync, actions);
  await settleCgroup(deps, record, pod, signal);
  const swept = await sweep(deps, actions, signal);
  const now = deps.clock.now();
  const { again: next } = again(now, record, pod, actions.backingOff, problem !== undefined);
  const resizeAt = nextResize(record, actions, now);
  const retry = resizeAt === undefined ? undefined : { afterMs: Math.max(1, resizeAt - now) };
  const soonest = [next, swept.again, retry].flatMap((one) => one?.afterMs ?? []).sort((a, b) => a - b)[0];
  return {
    ...(soonest === undefined ? {} : { again: { afterMs: soonest } }),
    failed: problem ?? unresized ?? swept.failed,
  };
}

/** @returns what cannot be had now */
async function resize(
  { deps, record, pod, observed, signal }: Sync,
  actions: PodActions,
): Promise<PodRecord['lastError']> {
  const unresized = await applyResizes(deps, record, pod, actions, signal);
  const progress = resizeProgress(actions, record.resizes);
  const isNews = !isDeepStrictEqual(progress, record.resizeProgress);
  record.resizeProgress = progress;
  // The runtime does not wake the pod when a container has other limits.
  if (isNews) await publish(deps, record, observed, false, signal);
  return unresized;
}

async function start(
  { deps, record, pod, observed, signal }: Sync,
  actions: PodActions,
): Promise<PodRecord['lastError']> {
  if (actions.startContainers.length === 0) {
    return (await refreshVolumes(deps, pod, signal)) ?? waitingError(deps.clock.now(), record);
  }
  const networkProblem = pod.spec.hostNetwork === true ? undefined : deps.networkProblem();
  if (networkProblem !== undefined) {
    const message = `network is not ready: ${networkProblem}`;
    deps.events.event(podReference(pod), 'Warning', 'NetworkNotReady', message);
    return { time: deps.clock.now(), message };
  }
  const now = deps.clock.now();
  const { uid } = record.identity;
  if (actions.createSandbox !== undefined && deps.sandboxBackoff.isInBackOffSinceUpdate(uid, now)) {
    return record.lastError ?? { time: now, message: 'the sandbox could not be made, and waits for its next try' };
  }
  const volumes = await prepareVolumes(deps, pod, signal);
  const podIps = podIpsOf(observed);
  const graceSeconds = pod.spec.terminationGracePeriodSeconds;
  const outcome = await startContainers(deps, { pod, actions, volumes, podIps, graceSeconds }, signal).catch(
    (error: unknown) => {
      deps.sandboxBackoff.next(uid, deps.clock.now());
      throw error;
    },
  );
  deps.sandboxBackoff.reset(uid);
  for (const [name, reason] of outcome) {
    if (reason === undefined) record.waiting.delete(name);
    else record.waiting.set(name, reason);
  }
  await publish(deps, record, observed, false, signal);
  return waitingError(deps.clock.now(), record);
}

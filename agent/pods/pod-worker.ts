import { qosClass } from '../objects/qos.ts';
import type { Pod, PodStatus } from '../objects/types.ts';
import { type PodIdentity, type RuntimePod, RuntimeUnavailableError } from '../runtime/types.ts';
import type { RunResult } from '../work-queue.ts';
import type { WaitingReason } from './container-status.ts';
import type { PodDeps } from './deps.ts';
import { endPod, graceSeconds, killContainers, removeContainers, removeSandboxes } from './end.ts';
import { type BackingOff, computePodActions, type PodActions } from './plan.ts';
import { backoffKey, containerReference, formatPod, podReference } from './references.ts';
import { messageOf, type MountsOf, startContainers } from './start.ts';
import { computePodStatus } from './status.ts';

/** The kubelet's `backOffPeriod`: how long a failed sync waits, times 1 to 1.5. */
const retryMs = 10_000;
/** The kubelet's wait for a network that is not ready. */
const networkRetryMs = 1_000;

/** What the daemon remembers of one pod between runs; all of it may be lost without harm. */
export interface PodRecord {
  readonly identity: PodIdentity;
  /** The last desired object; undefined for a pod that only the runtime knows. */
  pod: Pod | undefined;
  status: PodStatus | undefined;
  /** Why containers do not run, by name. */
  readonly waiting: Map<string, WaitingReason>;
  lastError: { readonly time: number; readonly message: string } | undefined;
  /** Once true it stays so until the pod has ended, whatever becomes of its manifest meanwhile. */
  terminating: boolean;
}

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
        const result = record.terminating ? await terminate(deps, record, signal) : await sync(deps, record, signal);
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
  return { again: { afterMs: retryMs * (1 + Math.random() / 2) } };
}

type Run = PodRun & { readonly failed?: PodRecord['lastError'] };

async function terminate(deps: PodDeps, record: PodRecord, signal: AbortSignal): Promise<Run> {
  const observed = await deps.runtime.podStatus(record.identity.uid, signal);
  publish(deps, record, observed);
  await endPod(deps, record.identity, record.pod, observed, signal);
  deps.backoff.forget(`${record.identity.uid}/`);
  deps.log.info({ pod: record.identity.name, namespace: record.identity.namespace }, 'pod removed');
  return { ended: true };
}

async function sync(deps: PodDeps, record: PodRecord, signal: AbortSignal): Promise<Run> {
  const { pod } = record;
  if (pod === undefined) return {};
  const observed = await deps.runtime.podStatus(record.identity.uid, signal);
  const actions = computePodActions(pod, observed, (container, finishedAt) =>
    deps.backoff.until(backoffKey(pod, container), finishedAt),
  );
  noteRunning(record, observed);
  noteBackoffs(deps, record, pod, actions.backingOff);
  publish(deps, record, observed);
  return actions.replace
    ? replace(deps, record, pod, observed, signal)
    : apply(deps, record, pod, observed, actions, signal);
}

/** Ends the pod's former self; the next run starts it anew. */
async function replace(
  deps: PodDeps,
  record: PodRecord,
  pod: Pod,
  observed: RuntimePod,
  signal: AbortSignal,
): Promise<Run> {
  deps.events.event(podReference(pod), 'Normal', 'SandboxChanged', 'Pod definition changed, it will be replaced');
  await endPod(deps, record.identity, pod, observed, signal);
  record.status = undefined;
  return { again: { afterMs: 0 } };
}

/** Carries a plan out: kill, make room, volumes, start, sweep. */
async function apply(
  deps: PodDeps,
  record: PodRecord,
  pod: Pod,
  observed: RuntimePod,
  actions: PodActions,
  signal: AbortSignal,
): Promise<Run> {
  if (actions.createSandbox !== undefined && actions.createSandbox > 0) {
    const message = 'Pod sandbox changed, it will be killed and re-created.';
    deps.events.event(podReference(pod), 'Normal', 'SandboxChanged', message);
  }
  await killContainers(deps, record.identity, actions.killContainers, graceSeconds(pod, observed), signal);
  await removeSandboxes(deps, actions.stopSandboxes, signal);
  const problem = await start(deps, record, pod, observed, actions, signal);
  await removeContainers(deps, actions.removeContainers, signal);
  return { ...again(deps, record, actions, problem), failed: problem };
}

async function start(
  deps: PodDeps,
  record: PodRecord,
  pod: Pod,
  observed: RuntimePod,
  actions: PodActions,
  signal: AbortSignal,
): Promise<PodRecord['lastError']> {
  if (actions.startContainers.length === 0) return lastWaiting(deps, record);
  const networkProblem = pod.spec.hostNetwork === true ? undefined : deps.networkProblem();
  if (networkProblem !== undefined) {
    const message = `network is not ready: ${networkProblem}`;
    deps.events.event(podReference(pod), 'Warning', 'NetworkNotReady', message);
    return { time: deps.clock.now(), message };
  }
  const volumes = await prepareVolumes(deps, pod, signal);
  const mountsOf: MountsOf = (container) => volumes.mounts(container, new Map(), signal);
  for (const [name, reason] of await startContainers(deps, pod, actions, mountsOf, signal)) {
    if (reason === undefined) record.waiting.delete(name);
    else record.waiting.set(name, reason);
  }
  publish(deps, record, observed);
  return lastWaiting(deps, record);
}

async function prepareVolumes(deps: PodDeps, pod: Pod, signal: AbortSignal): ReturnType<PodDeps['volumes']['prepare']> {
  try {
    return await deps.volumes.prepare(pod, signal);
  } catch (error) {
    if (!signal.aborted) deps.events.event(podReference(pod), 'Warning', 'FailedMount', messageOf(error));
    throw error;
  }
}

/** A container that waits for a reason is an error that the user wants to see, although the sync went as it should. */
function lastWaiting(deps: PodDeps, record: PodRecord): PodRecord['lastError'] {
  for (const [name, { reason, message }] of record.waiting) {
    const text = `container ${name}: ${reason}: ${message}`;
    return record.lastError?.message === text ? record.lastError : { time: deps.clock.now(), message: text };
  }
  return undefined;
}

function again(
  deps: PodDeps,
  record: PodRecord,
  actions: PodActions,
  problem: PodRecord['lastError'],
): Pick<PodRun, 'again'> {
  const now = deps.clock.now();
  const waits = actions.backingOff.map(({ until }) => Math.max(1, until - now));
  const backingOff = new Set(actions.backingOff.map(({ container }) => container.name));
  const isStuck = [...record.waiting.keys()].some((name) => !backingOff.has(name));
  if (isStuck) waits.push(retryMs * (1 + Math.random() / 2));
  else if (problem !== undefined && waits.length === 0) waits.push(networkRetryMs);
  return waits.length === 0 ? {} : { again: { afterMs: Math.min(...waits) } };
}

/** What runs waits for nothing. */
function noteRunning(record: PodRecord, observed: RuntimePod): void {
  for (const { name, state } of observed.containers) if (state === 'running') record.waiting.delete(name);
}

function noteBackoffs(deps: PodDeps, record: PodRecord, pod: Pod, backingOff: readonly BackingOff[]): void {
  for (const { container, delayMs } of backingOff) {
    const { name } = container;
    const message = `back-off ${formatDelay(delayMs)} restarting failed container=${name} pod=${formatPod(pod)}`;
    const known = record.waiting.get(name);
    record.waiting.set(name, { reason: 'CrashLoopBackOff', message });
    if (known?.message === message) continue;
    const text = `Back-off restarting failed container ${name} in pod ${formatPod(pod)}`;
    deps.events.event(containerReference(pod, container), 'Warning', 'BackOff', text);
  }
}

/** As Go prints a duration: `10s`, `2m40s`. */
function formatDelay(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

function publish(deps: PodDeps, record: PodRecord, observed: RuntimePod): void {
  if (record.pod === undefined) return;
  record.status = computePodStatus({
    pod: record.pod,
    observed,
    waiting: record.waiting,
    previous: record.status,
    hostIps: deps.node.hostIps(),
    qosClass: qosClass(record.pod),
    now: deps.clock.now(),
  });
}

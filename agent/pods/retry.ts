import type { EventRecorder } from '../events/types.ts';
import type { Pod } from '../objects/types.ts';
import type { RuntimePod } from '../runtime/types.ts';
import type { RunResult } from '../work-queue.ts';
import type { WaitingReason } from './container-status.ts';
import { deadlineOf } from './deadline.ts';
import type { BackingOff } from './plan-types.ts';
import type { PodRecord } from './pod-record.ts';
import { containerReference, formatPod } from './references.ts';

/** The kubelet's `backOffPeriod`: how long a failed sync waits, times 1 to 1.5. */
const retryMs = 10_000;
/** The kubelet's wait for a network that is not ready. */
const networkRetryMs = 1_000;

/** How long to wait after a sync that failed, milliseconds: another time for each pod, lest all come at once. */
export const retryDelay = (): number => retryMs * (1 + Math.random() / 2);

/** By container name. */
type Waiting = Map<string, WaitingReason>;

/** What runs waits for nothing. */
export function noteRunning(waiting: Waiting, observed: RuntimePod): void {
  for (const { name, state } of observed.containers) if (state === 'running') waiting.delete(name);
}

/** Notes the containers that wait for their crash back-off, each new wait with an event. */
export function noteBackoffs(
  events: EventRecorder,
  waiting: Waiting,
  pod: Pod,
  backingOff: readonly BackingOff[],
): void {
  for (const { container, delayMs } of backingOff) {
    const { name } = container;
    const message = `back-off ${formatDelay(delayMs)} restarting failed container=${name} pod=${formatPod(pod)}`;
    const known = waiting.get(name);
    waiting.set(name, { reason: 'CrashLoopBackOff', message });
    if (known?.message === message) continue;
    const text = `Back-off restarting failed container ${name} in pod ${formatPod(pod)}`;
    events.event(containerReference(pod, container), 'Warning', 'BackOff', text);
  }
}

/** A container that waits for a reason is an error that the user wants to see, although the sync went as it should. */
export function waitingError(now: number, { waiting, lastError }: PodRecord): PodRecord['lastError'] {
  for (const [name, { reason, message }] of waiting) {
    const text = `container ${name}: ${reason}: ${message}`;
    return lastError?.message === text ? lastError : { time: now, message: text };
  }
  return undefined;
}

/**
 * When the pod must be looked at again although nothing happens: at the end of a back-off, for what could not start, for
 * a network that is not there, at the pod's deadline. Empty when it need not.
 */
export function again(
  now: number,
  record: Pick<PodRecord, 'waiting' | 'status'>,
  pod: Pod,
  backingOff: readonly BackingOff[],
  hasProblem: boolean,
): RunResult {
  const waits = backingOff.map(({ until }) => Math.max(1, until - now));
  const names = new Set(backingOff.map(({ container }) => container.name));
  const isStuck = [...record.waiting.keys()].some((name) => !names.has(name));
  if (isStuck) waits.push(retryDelay());
  else if (hasProblem && waits.length === 0) waits.push(networkRetryMs);
  const deadline = deadlineOf(pod, record.status);
  if (deadline !== undefined) waits.push(Math.max(1, deadline - now));
  return waits.length === 0 ? {} : { again: { afterMs: Math.min(...waits) } };
}

/** As Go prints a duration: `10s`, `2m40s`. */
function formatDelay(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

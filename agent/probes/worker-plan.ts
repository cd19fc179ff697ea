import type { Outcome, ProbeKind, ProbeResult } from './types.ts';

/** What a worker knows of its container. A new container id starts with a new state. */
export interface WorkerState {
  /** What is published. */
  readonly verdict: ProbeResult;
  /** What the last run gave, and how many in a row gave the same. */
  readonly last: 'success' | 'failure' | undefined;
  readonly streak: number;
  /** Nothing more is asked of this container id. */
  readonly onHold: boolean;
}

export interface Thresholds {
  readonly success: number;
  readonly failure: number;
}

/**
 * The state before the first run (`newWorker` of `pkg/kubelet/prober/worker.go`). A container that was probed before the
 * daemon restarted keeps what was published, so that ready pods do not flap (kubernetes/kubernetes#100277).
 */
export function initialState(
  kind: ProbeKind,
  previous: { readonly started: boolean; readonly ready: boolean } | undefined,
): WorkerState {
  const fresh = { last: undefined, streak: 0, onHold: false };
  switch (kind) {
    case 'readiness':
      return { ...fresh, verdict: previous?.ready === true ? 'success' : 'failure' };
    case 'liveness':
      return { ...fresh, verdict: 'success' };
    case 'startup':
      return previous?.started === true ? released : { ...fresh, verdict: 'unknown' };
  }
}

/** Counts as success and is not asked again: a container that has started, or a pod that ends. */
export const released: WorkerState = { verdict: 'success', last: undefined, streak: 0, onHold: true };

/**
 * The state after a run, by the rules of `doProbe` in `pkg/kubelet/prober/worker.go`: errors are thrown away, a verdict
 * changes only when its threshold of equal results in a row is met, and after a failed liveness probe or any verdict of a
 * startup probe the container is left alone (no exec into a container that is being killed, kubernetes/kubernetes#21751).
 */
export function decide(state: WorkerState, kind: ProbeKind, thresholds: Thresholds, outcome: Outcome): WorkerState {
  if (state.onHold || outcome.result === 'error') return state;
  const last = outcome.result === 'failure' ? 'failure' : 'success';
  const streak = state.last === last ? state.streak + 1 : 1;
  if (streak < thresholds[last]) return { ...state, last, streak };
  const onHold = kind === 'startup' || (kind === 'liveness' && last === 'failure');
  return { verdict: last, last, streak: onHold ? 0 : streak, onHold };
}

/**
 * When the next run is due: on the grid of `dueAt` plus whole periods, so that delays never add up. Runs that a slow one
 * has missed are left out, as a ticker of Go does.
 */
export function nextDue(dueAt: number, periodMs: number, now: number): number {
  const missed = Math.max(0, Math.floor((now - dueAt) / periodMs));
  return dueAt + (missed + 1) * periodMs;
}

export interface FirstRun {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly containerStartedAt: number;
  readonly daemonStartedAt: number;
  readonly initialDelayMs: number;
  readonly periodMs: number;
  /** From 0 to below 1. */
  readonly random: number;
}

/**
 * Milliseconds until the first run. The initial delay counts from the start of the container. Containers that ran before
 * the daemon are spread over a period, or all probes of a node would start at once (`run` of `worker.go`).
 */
export function firstRunDelay(times: FirstRun): number {
  const { now, containerStartedAt, daemonStartedAt, initialDelayMs, periodMs, random } = times;
  // Bounded, for a wall clock that was set back since.
  const initial = Math.min(initialDelayMs, Math.max(0, containerStartedAt + initialDelayMs - now));
  return containerStartedAt < daemonStartedAt ? initial + random * periodMs : initial;
}

import type { Container, Pod } from '../objects/types.ts';

export type ProbeKind = 'startup' | 'liveness' | 'readiness';
export type ProbeResult = 'success' | 'failure' | 'unknown';

/** A container that runs now. */
export interface ProbedContainer {
  readonly container: Container;
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** What was published before a restart of the daemon, for this very container id. */
  readonly previous: { readonly started: boolean; readonly ready: boolean } | undefined;
}

/** Why the worker of a pod has to kill a container. */
export interface ProbeFailure {
  readonly kind: ProbeKind;
  /** `Container web failed liveness probe` */
  readonly message: string;
  /** The probe's own grace period; undefined: the pod's. */
  readonly graceSeconds: number | undefined;
}

export interface ProbeManager {
  /**
   * The containers of a pod that run now: those with probes get workers, the workers of all others end. `podIp` is the
   * address to probe. Idempotent, and cheap when nothing changed.
   */
  update(pod: Pod, podIp: string | undefined, running: readonly ProbedContainer[]): void;
  /** A pod begins to end: liveness and startup stop and count as success; readiness goes on. */
  stopLivenessAndStartup(uid: string): void;
  remove(uid: string): void;
  /** The verdict for a container id now; undefined when that container has no such probe. */
  result(containerId: string, kind: ProbeKind): ProbeResult | undefined;
  /** Set once a liveness or startup probe has failed, until the container's id is gone. */
  failure(containerId: string): ProbeFailure | undefined;
  /** Ends all workers and waits for the probes under way. */
  stop(): Promise<void>;
}

/** What one run of a probe gave, as `pkg/probe` knows it. */
export type Outcome =
  | { readonly result: 'success' }
  /** Counts as success; somebody should look at it. */
  | { readonly result: 'warning'; readonly message: string }
  | { readonly result: 'failure'; readonly message: string }
  /** The probe itself could not be run: this says nothing about the container. */
  | { readonly result: 'error'; readonly message: string };

/** What to do to find out whether a container is well: everything resolved, nothing left to look up. */
export type Check =
  | { readonly type: 'exec'; readonly command: readonly string[] }
  | { readonly type: 'http'; readonly url: HttpTarget; readonly headers: readonly HttpHeader[] }
  | { readonly type: 'tcp'; readonly host: string; readonly port: number }
  | { readonly type: 'grpc'; readonly host: string; readonly port: number; readonly service: string }
  /** It cannot be run, for this reason. */
  | { readonly type: 'impossible'; readonly reason: string };

export interface HttpTarget {
  readonly scheme: 'http' | 'https';
  /** Name or address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Path and query, as they go on the wire. */
  readonly path: string;
}

export type HttpHeader = readonly [name: string, value: string];

/** What a check is run with. */
export interface CheckContext {
  readonly containerId: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

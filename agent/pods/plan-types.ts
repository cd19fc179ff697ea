import type { Container } from '../objects/types.ts';
import type { LinuxResources, RuntimeContainerStatus, SandboxStatus } from '../runtime/types.ts';

/** What must happen to bring a pod from what is observed to what is desired. Empty lists: nothing to do. */
export interface PodActions {
  /**
   * The sandbox belongs to other content of the same UID (a manifest with a UID of its own was edited): the whole pod is
   * ended and removed, and planned anew after that.
   */
  readonly replace: boolean;
  /** Every container has ended for good: the sandbox goes, the containers stay for their logs and status. */
  readonly finished: boolean;
  readonly stopSandboxes: readonly SandboxStatus[];
  readonly killContainers: readonly KillContainer[];
  /** Attempt number of the sandbox to create; undefined to use {@link sandboxId}. */
  readonly createSandbox: number | undefined;
  readonly sandboxId: string | undefined;
  /** In the order in which they start. */
  readonly startContainers: readonly StartContainer[];
  readonly backingOff: readonly BackingOff[];
  readonly resizeContainers: readonly ResizeContainer[];
  /** Dead containers that nothing needs any more. */
  readonly removeContainers: readonly string[];
}

export interface KillContainer {
  readonly container: RuntimeContainerStatus;
  readonly message: string;
  /** Grace period of the probe that failed, seconds; undefined for the pod's. */
  readonly graceSeconds?: number | undefined;
  /** It starts again with the resources that it is to have now. */
  readonly forResize?: boolean;
}

export type ContainerKind = 'init' | 'app' | 'ephemeral';

export interface StartContainer {
  readonly container: Container;
  readonly kind: ContainerKind;
  readonly attempt: number;
  /** The running instance that an ephemeral container wants to look into; undefined when it names none or none runs. */
  readonly targetId?: string;
  /** End of the previous instance, milliseconds since the epoch: the crash back-off counts from there. */
  readonly lastFinishedAt: number | undefined;
}

/** A container that may not be started again yet. */
export interface BackingOff {
  readonly container: Container;
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** The whole back-off that is being waited for. */
  readonly delayMs: number;
}

export interface ResizeContainer {
  readonly id: string;
  readonly container: Container;
  readonly resources: LinuxResources;
}

/**
 * The crash back-off of a container that ended at `finishedAt`; undefined when it may start now.
 */
export type CrashBackoff = (
  container: Container,
  finishedAt: number,
) => { readonly until: number; readonly delayMs: number } | undefined;

/** What the probes say of a container, by its ID. */
export interface ProbeVerdicts {
  /** Its startup probe succeeded, or it has none. */
  isStarted(containerId: string): boolean;
  /** The probe that wants it killed. */
  failure(containerId: string): ProbeFailure | undefined;
}

export interface ProbeFailure {
  readonly kind: 'startup' | 'liveness' | 'readiness';
  readonly graceSeconds: number | undefined;
}

/** What a plan needs to know beside the pod and what the runtime has of it. */
export interface PlanFacts {
  readonly crashBackoff: CrashBackoff;
  readonly probes: ProbeVerdicts;
  readonly resourcesOf: (container: Container) => LinuxResources;
  /** The pod succeeded or failed: nothing of it starts any more. */
  readonly isTerminal: boolean;
  /** What was published of a container, should the runtime have lost all of its instances; undefined: it never ran. */
  readonly published: (name: string) => PublishedContainer | undefined;
}

/** The past of a container as its published status tells it. */
export interface PublishedContainer {
  readonly restartCount: number;
  /** How it ended; 137 when it was last seen running. */
  readonly exitCode: number;
}

/** A step for one container, before back-offs are looked at. */
export interface WantedStart {
  readonly container: Container;
  readonly kind: ContainerKind;
}

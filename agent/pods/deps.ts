import type { Backoff } from '../backoff.ts';
import type { CgroupSettings } from '../cgroups/names.ts';
import type { Clock } from '../clock.ts';
import type { EventRecorder } from '../events/types.ts';
import type { Container, Pod } from '../objects/types.ts';
import type { ContainerRuntime, ImageStatus } from '../runtime/types.ts';
import type { PodVolumes } from '../volumes/pod-volumes.ts';

/** Has the image of a container on the host, by its pull policy; rejects with `reason` and message when it has not. */
export type EnsureImage = (pod: Pod, container: Container, signal: AbortSignal) => Promise<ImageStatus>;

export interface NodeFacts {
  readonly name: string;
  /** Bytes. */
  readonly memoryCapacity: number;
  /** Addresses of the node, primary first. */
  hostIps(): readonly string[];
}

/** The log calls that the pod folder makes: a constant message and fields. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

/** All that a pod worker acts through. */
export interface PodDeps {
  readonly runtime: ContainerRuntime;
  readonly ensureImage: EnsureImage;
  readonly volumes: PodVolumes;
  readonly events: EventRecorder;
  /** Crash back-off of containers, see `backoffKey`. */
  readonly backoff: Backoff;
  /** The image for sandboxes, present on the host. */
  readonly sandboxImage: (signal: AbortSignal) => Promise<string>;
  /** Why pods cannot get a network now; undefined when they can. */
  readonly networkProblem: () => string | undefined;
  readonly cgroups: () => CgroupSettings;
  readonly node: NodeFacts;
  readonly podLogsDir: string;
  readonly clock: Clock;
  readonly log: Log;
}

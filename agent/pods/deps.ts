import type { ResizeRefusal } from '../admission/resize.ts';
import type { Backoff } from '../backoff.ts';
import type { CgroupSettings } from '../cgroups/names.ts';
import type { PodCgroups } from '../cgroups/pod-cgroups.ts';
import type { Clock } from '../clock.ts';
import type { EventRecorder } from '../events/types.ts';
import type { NodeResources } from '../objects/downward.ts';
import type { Container, ObjectReader, Pod, PodStatus } from '../objects/types.ts';
import type { ProbeManager } from '../probes/types.ts';
import type { ContainerRuntime, ImageStatus, LinuxResources } from '../runtime/types.ts';
import type { NodeSecurity } from '../security/index.ts';
import type { PodVolumes } from '../volumes/pod-volumes.ts';
import type { StatusCheckpoints } from './checkpoint.ts';
import type { PodIdentityFiles } from './identity.ts';
import type { ContainerKind } from './plan-types.ts';
import type { PodFailure } from './status.ts';

/** Has the image of a container on the host, by its pull policy; rejects with `reason` and message when it has not. */
export type EnsureImage = (pod: Pod, container: Container, signal: AbortSignal) => Promise<ImageStatus>;

export interface NodeFacts {
  readonly name: string;
  /** Bytes. */
  readonly memoryCapacity: number;
  readonly allocatable: NodeResources;
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
  readonly probes: ProbeManager;
  readonly podCgroups: PodCgroups;
  readonly identityFiles: PodIdentityFiles;
  readonly security: NodeSecurity;
  /** Requests and limits of a container as the kernel takes them. */
  readonly resourcesOf: (pod: Pod, container: Container) => LinuxResources;
  readonly checkpoints: StatusCheckpoints;
  readonly objects: ObjectReader;
  /** Whether Services are known, for the environment of containers; waits a moment for them. Left out: always. */
  readonly servicesRead?: (signal: AbortSignal) => Promise<boolean>;
  readonly events: EventRecorder;
  /** Is told each status of a pod as it is computed, whether it changed or not. */
  readonly onStatus?: (pod: Pod, status: PodStatus) => void;
  /** Why this node cannot take a pod that is new to it; undefined when it can. */
  readonly admit: (pod: Pod) => PodFailure | undefined;
  /** Why this node cannot give a pod that it has taken the resources that its spec asks for now; undefined when it can. */
  readonly refuseResize: (pod: Pod) => ResizeRefusal | undefined;
  /** Learns the Node's labels and taints anew, which {@link admit} goes by. Absent where nobody else can change them. */
  readonly readNode?: (signal: AbortSignal) => Promise<void>;
  /**
   * The runtime handler that a pod's RuntimeClass names; undefined for the runtime's default. Absent where there is no API server.
   *
   * @throws Error when the pod cannot have it
   */
  readonly runtimeHandler?: (pod: Pod, signal: AbortSignal) => Promise<string | undefined>;
  /** Crash back-off of containers, see `backoffKey`. */
  readonly backoff: Backoff;
  /**
   * How long no sandbox is tried after one that failed, by pod UID. Each try makes a container whose end wakes the pod: without
   * a wait it would be made again at once, for as long as the runtime refuses it.
   */
  readonly sandboxBackoff: Backoff;
  /** The image for sandboxes, present on the host. */
  readonly sandboxImage: (signal: AbortSignal) => Promise<string>;
  /** Why pods cannot get a network now; undefined when they can. */
  readonly networkProblem: () => string | undefined;
  readonly cgroups: () => CgroupSettings;
  readonly clusterDomain: string;
  readonly node: NodeFacts;
  /** `<rootDir>/pods/<uid>` */
  readonly podDir: (uid: string) => string;
  readonly podLogsDir: string;
  readonly clock: Clock;
  readonly log: Log;
  /** A container was to be started. @param failure the reason that its status has, `RunContainerError` */
  readonly onStart?: (kind: ContainerKind, failure: string | undefined) => void;
  /** A hook over HTTPS went on over HTTP. */
  readonly onHttpFallback?: () => void;
}

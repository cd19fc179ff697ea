/**
 * The container runtime as the pod workers see it, shaped like CRI v1 (`RuntimeService` and `ImageService`), so that a
 * CRI runtime can stand beside Docker. All calls may be repeated: starting what runs, stopping what is stopped and
 * removing what is gone succeed.
 */
export interface ContainerRuntime {
  /** Name and version of the runtime. Rejects while it cannot be reached. */
  version(signal: AbortSignal): Promise<RuntimeVersion>;

  /**
   * Creates the pod's sandbox and begins to start it. Resolves as soon as the sandbox has an ID, so that containers can
   * be created beside its start; `ready` resolves when it runs and has its network, after which containers may start.
   */
  runPodSandbox(config: PodSandboxConfig, signal: AbortSignal): Promise<SandboxStart>;
  /** Tears the sandbox's network down and stops it. */
  stopPodSandbox(id: string, signal: AbortSignal): Promise<void>;
  removePodSandbox(id: string, signal: AbortSignal): Promise<void>;

  createContainer(sandboxId: string, config: ContainerConfig, signal: AbortSignal): Promise<string>;
  startContainer(id: string, signal: AbortSignal): Promise<void>;
  /** Sends the stop signal, and SIGKILL after `graceSeconds`. Resolves when the container has stopped. */
  stopContainer(id: string, graceSeconds: number, signal: AbortSignal): Promise<void>;
  removeContainer(id: string, signal: AbortSignal): Promise<void>;

  /** Every sandbox and container of one pod, newest first. */
  podStatus(uid: string, signal: AbortSignal): Promise<RuntimePod>;
  /** Every pod that has a sandbox or a container; cheap, without the details that {@link podStatus} reads. */
  listPods(signal: AbortSignal): Promise<readonly RuntimePodSummary[]>;
  /** Calls `onEvent` for each change until `signal` is aborted; rejects when the stream breaks. */
  watchEvents(onEvent: (event: RuntimeEvent) => void, onOpen: () => void, signal: AbortSignal): Promise<void>;

  /** ID and references of an image on the host, or undefined when it is not there. */
  imageStatus(image: string, signal: AbortSignal): Promise<ImageStatus | undefined>;
  pullImage(image: string, signal: AbortSignal, auth?: ImageAuth): Promise<ImageStatus>;
  /** Loads a Docker image archive (tar), as `docker load` does. */
  loadImage(archive: Uint8Array, signal: AbortSignal): Promise<void>;
}

export interface RuntimeVersion {
  /** `docker` */
  readonly name: string;
  readonly version: string;
  readonly apiVersion: string;
}

export interface SandboxStart {
  readonly id: string;
  readonly ready: Promise<SandboxNetwork>;
}

export interface SandboxNetwork {
  /** Pod IPs, primary first; empty on the host network. */
  readonly ips: readonly string[];
}

/** Identity of a pod as it is written on its containers. */
export interface PodIdentity {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

export interface NamespaceOptions {
  readonly hostNetwork: boolean;
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  readonly shareProcessNamespace: boolean;
}

export interface PodSandboxConfig {
  readonly pod: PodIdentity;
  /** 0 for the first sandbox of the pod, +1 for each that replaces one. */
  readonly attempt: number;
  /** Image of the sandbox container; a CRI runtime brings its own. */
  readonly image: string;
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly namespaces: NamespaceOptions;
  readonly portMappings: readonly PortMapping[];
  /** Parent of the pod's cgroups, e.g. `/kubepods/burstable/pod<uid>`; the runtime's default when undefined. */
  readonly cgroupParent: string | undefined;
  readonly sysctls: Readonly<Record<string, string>>;
}

export interface PortMapping {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly containerPort: number;
  readonly hostPort: number;
  /** Host address to listen on; empty for all. */
  readonly hostIp: string;
}

export interface Mount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
  readonly propagation: 'private' | 'rslave' | 'rshared';
}

export interface ContainerConfig {
  readonly pod: PodIdentity;
  readonly name: string;
  /** Restart count: 0 for the first container of this name, +1 for each that follows. */
  readonly attempt: number;
  readonly image: string;
  /** Entry point; the image's when undefined. */
  readonly command: readonly string[] | undefined;
  readonly args: readonly string[] | undefined;
  readonly workingDir: string | undefined;
  /** `NAME=value`, in order. */
  readonly env: readonly string[];
  readonly mounts: readonly Mount[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly namespaces: NamespaceOptions;
  readonly resources: LinuxResources;
  readonly cgroupParent: string | undefined;
  readonly oomScoreAdj: number;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
}

export interface LinuxResources {
  readonly cpuShares: number;
  /** Microseconds per period; 0 is unlimited. */
  readonly cpuQuota: number;
  /** Microseconds. */
  readonly cpuPeriod: number;
  /** Bytes; 0 is unlimited. */
  readonly memoryLimit: number;
}

export interface RuntimePod {
  readonly uid: string;
  /** Newest first. */
  readonly sandboxes: readonly SandboxStatus[];
  /** Newest first. */
  readonly containers: readonly RuntimeContainerStatus[];
}

export interface SandboxStatus {
  readonly id: string;
  readonly pod: PodIdentity;
  readonly attempt: number;
  readonly state: 'ready' | 'notready';
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly hostNetwork: boolean;
  readonly ips: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuntimeContainerStatus {
  readonly id: string;
  readonly name: string;
  readonly sandboxId: string;
  readonly attempt: number;
  readonly state: 'created' | 'running' | 'exited' | 'unknown';
  /** Milliseconds since the epoch; 0 when it did not happen. */
  readonly createdAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** What the runtime says about a container that did not start or run. */
  readonly error: string;
  readonly image: string;
  readonly imageId: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What one list call tells of a pod. */
export interface RuntimePodSummary {
  readonly pod: PodIdentity;
  readonly sandboxes: readonly { readonly id: string; readonly running: boolean }[];
  readonly containers: readonly { readonly id: string; readonly name: string; readonly running: boolean }[];
  /** Changes whenever a container of the pod appears, disappears or changes state. */
  readonly fingerprint: string;
}

export interface RuntimeEvent {
  readonly podUid: string;
  readonly containerId: string;
  readonly kind: 'started' | 'stopped' | 'removed' | 'oom';
}

export interface ImageStatus {
  /** `sha256:…` */
  readonly id: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  /** Bytes on the host. */
  readonly size?: number;
}

export interface ImageAuth {
  readonly username: string;
  readonly password: string;
}

/** The runtime cannot be reached (not running, restarting): nothing is wrong with the object, try again later. */
export class RuntimeUnavailableError extends Error {
  override readonly name = 'RuntimeUnavailableError';
}

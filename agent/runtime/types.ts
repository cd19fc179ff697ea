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
  /** Changes the limits of a container that runs, without a restart. */
  updateContainerResources(id: string, resources: LinuxResources, signal: AbortSignal): Promise<void>;

  /**
   * Runs a command in a running container to its end, without a terminal (CRI: `ExecSync`). The output is cut at 16 KiB a
   * stream. After `timeoutMs` the process is killed.
   *
   * @throws {@link ExecTimeoutError} after the timeout; another error when the command cannot be run at all
   */
  execSync(id: string, command: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<ExecSyncResult>;
  /** Runs a command with streams attached; resolves to its exit code. */
  exec(id: string, command: readonly string[], streams: ExecStreams, signal: AbortSignal): Promise<number>;
  /**
   * Connects to the streams of a container's own process, from now on; resolves when the process has ended. With
   * `stdinOnce` the process' input ends with the first attachment that has one.
   */
  attach(id: string, streams: ExecStreams, signal: AbortSignal): Promise<void>;
  /** Writes what a container printed to `streams`; ends with the log, or when following with the container. */
  containerLogs(id: string, options: LogOptions, streams: LogStreams, signal: AbortSignal): Promise<void>;

  /** Path of the network namespace of a pod whose sandbox runs; undefined without one. */
  networkNamespace(uid: string, signal: AbortSignal): Promise<string | undefined>;

  /** Every sandbox and container of one pod, newest first. */
  podStatus(uid: string, signal: AbortSignal): Promise<RuntimePod>;
  /** Every pod that has a sandbox or a container; cheap, without the details that {@link podStatus} reads. */
  listPods(signal: AbortSignal): Promise<readonly RuntimePodSummary[]>;
  /** Calls `onEvent` for each change until `signal` is aborted; rejects when the stream breaks. */
  watchEvents(onEvent: (event: RuntimeEvent) => void, onOpen: () => void, signal: AbortSignal): Promise<void>;

  /** ID and references of an image on the host, or undefined when it is not there. */
  imageStatus(image: string, signal: AbortSignal): Promise<ImageStatus | undefined>;
  /** @param onLayer learns how far the layers are; a runtime may tell nothing */
  pullImage(
    image: string,
    signal: AbortSignal,
    auth?: ImageAuth,
    onLayer?: (layer: LayerProgress) => void,
  ): Promise<ImageStatus>;
  /** Loads a Docker image archive (tar), as `docker load` does. */
  loadImage(archive: Uint8Array, signal: AbortSignal): Promise<void>;
  listImages(signal: AbortSignal): Promise<readonly ImageStatus[]>;
  removeImage(id: string, signal: AbortSignal): Promise<void>;
  /**
   * Directories of an image's layers on the host, the top one first.
   *
   * @throws Error where the runtime does not keep its layers so
   */
  imageLayers(image: string, signal: AbortSignal): Promise<readonly string[]>;
}

export interface ExecSyncResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecStreams {
  readonly tty: boolean;
  readonly stdin?: NodeJS.ReadableStream;
  readonly stdout?: NodeJS.WritableStream;
  /** Unused with a terminal. */
  readonly stderr?: NodeJS.WritableStream;
  /** Tells the size of the terminal, now and at each change. */
  readonly onResize?: (resize: (size: { readonly width: number; readonly height: number }) => void) => void;
}

export interface LogOptions {
  readonly follow: boolean;
  /** Last lines only; undefined for all. */
  readonly tailLines: number | undefined;
  /** Milliseconds since the epoch; undefined for all. */
  readonly since: number | undefined;
  readonly timestamps: boolean;
}

export interface LogStreams {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** A command ran longer than it may; it was killed. */
export class ExecTimeoutError extends Error {
  override readonly name = 'ExecTimeoutError';
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
  readonly security: SandboxSecurity;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly namespaces: NamespaceOptions;
  readonly portMappings: readonly PortMapping[];
  /** Parent of the pod's cgroups, e.g. `/kubepods/burstable/pod<uid>`; the runtime's default when undefined. */
  readonly cgroupParent: string | undefined;
  readonly sysctls: Readonly<Record<string, string>>;
  /** Of the pod's RuntimeClass (CRI: `runtime_handler`); the runtime's default when undefined. */
  readonly runtimeHandler?: string | undefined;
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
  /** Mounts below the source are read-only too; only with `readOnly`. */
  readonly recursiveReadOnly?: boolean;
}

/** The part of a pod's security context that holds for its sandbox. */
export interface SandboxSecurity {
  readonly privileged: boolean;
  readonly seccomp: SeccompProfile;
  /** `label=…` options of SELinux, e.g. `level:s0:c1,c2`. */
  readonly selinuxLabels: readonly string[];
  readonly runAsUser: number | undefined;
  readonly runAsGroup: number | undefined;
}

export type SeccompProfile =
  | { readonly type: 'Unconfined' | 'RuntimeDefault' }
  /** `profile` is the JSON text of the profile. */
  | { readonly type: 'Localhost'; readonly profile: string };

/** Everything that a security context says about one container, pod and container level merged. */
export interface ContainerSecurity {
  /** `uid`, `uid:gid` or the image's user when undefined. */
  readonly user: string | undefined;
  /** Groups besides the primary one: supplementalGroups and fsGroup. */
  readonly supplementalGroups: readonly number[];
  readonly privileged: boolean;
  readonly noNewPrivileges: boolean;
  readonly readOnlyRootFilesystem: boolean;
  /** Names as Docker takes them, without `CAP_`; `ALL` for all. */
  readonly capabilitiesToAdd: readonly string[];
  readonly capabilitiesToDrop: readonly string[];
  readonly seccomp: SeccompProfile;
  /** Name of a loaded AppArmor profile, `unconfined`, or undefined for the runtime's default. */
  readonly apparmorProfile: string | undefined;
  readonly selinuxLabels: readonly string[];
  /** Undefined: the runtime's default. */
  readonly maskedPaths: readonly string[] | undefined;
  readonly readonlyPaths: readonly string[] | undefined;
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
  /** ID of a container whose process namespace is joined instead of the pod's; only for ephemeral containers. */
  readonly targetId?: string;
  readonly security: ContainerSecurity;
  /** `SIGTERM` and the like; the image's when undefined. */
  readonly stopSignal: string | undefined;
  readonly resources: LinuxResources;
  readonly cgroupParent: string | undefined;
  /** That of the sandbox. */
  readonly runtimeHandler?: string | undefined;
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
  /** Processes; undefined is unlimited. */
  readonly pidsLimit?: number;
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
  /** What the runtime enforces now; undefined when it is not known. */
  readonly resources?: LinuxResources;
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
  /** The image's `USER`, e.g. `1000:1000` or `nobody`; empty when it has none, undefined when it was not looked up. */
  readonly user?: string;
}

/** How far one layer of a pull is. */
export interface LayerProgress {
  readonly id: string;
  readonly phase: 'waiting' | 'downloading' | 'downloaded' | 'extracting' | 'done';
  /** Of the phase: bytes, or while extracting what the runtime counts by. Undefined when it does not tell. */
  readonly current: number | undefined;
  readonly total: number | undefined;
}

export interface ImageAuth {
  readonly username: string;
  readonly password: string;
  /** An OAuth2 refresh token, which the registry's token server takes instead of a password. */
  readonly identityToken?: string;
  /** A bearer token for the registry itself. */
  readonly registryToken?: string;
}

/** The runtime cannot be reached (not running, restarting): nothing is wrong with the object, try again later. */
export class RuntimeUnavailableError extends Error {
  override readonly name = 'RuntimeUnavailableError';
}

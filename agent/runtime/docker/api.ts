import type { Duplex, Readable } from 'node:stream';
import type Docker from 'dockerode';

/** A row of `GET /containers/json`. */
export interface ContainerListEntry {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Image: string;
  readonly ImageID: string;
  /** Seconds since the epoch. */
  readonly Created: number;
  readonly State: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly HostConfig: { readonly NetworkMode: string };
}

/** A row of `GET /containers/json?size=true`. */
export interface ContainerSizeEntry {
  readonly Id: string;
  readonly Labels: Readonly<Record<string, string>>;
  /** Bytes of the writable layer; left out when there are none. */
  readonly SizeRw?: number;
}

/** The part of `GET /containers/{id}/json` that podwright reads. */
export interface ContainerInspection {
  readonly Id: string;
  readonly Created: string;
  readonly Image: string;
  readonly Config: {
    readonly Labels: Readonly<Record<string, string>>;
    readonly Tty?: boolean;
    readonly OpenStdin?: boolean;
  };
  readonly HostConfig: {
    readonly NetworkMode?: string;
    readonly CpuShares?: number;
    readonly CpuPeriod?: number;
    readonly CpuQuota?: number;
    readonly Memory?: number;
    readonly PidsLimit?: number | null;
  };
  readonly State: {
    readonly Status: string;
    readonly Pid: number;
    readonly ExitCode: number;
    readonly OOMKilled: boolean;
    readonly Error: string;
    readonly StartedAt: string;
    readonly FinishedAt: string;
  };
}

export interface ImageInspection {
  readonly Id: string;
  readonly RepoTags: readonly string[] | null;
  readonly RepoDigests: readonly string[] | null;
  readonly Size: number;
  readonly Config?: { readonly User?: string } | null;
  /** Where the storage driver keeps the image; the keys of `Data` are the driver's own. */
  readonly GraphDriver?: { readonly Name: string; readonly Data: Readonly<Record<string, string>> | null } | null;
}

/** A row of `GET /images/json`. */
export type ImageListEntry = Omit<ImageInspection, 'Config' | 'GraphDriver'>;

export interface DockerInfo {
  readonly ServerVersion: string;
  readonly DockerRootDir: string;
  readonly CgroupDriver: string;
  readonly CgroupVersion: string;
  readonly Driver: string;
  readonly LoggingDriver: string;
  readonly OSType: string;
  readonly Architecture: string;
  /** As `uname -r`. */
  readonly KernelVersion?: string;
  /** What confines containers on this machine, e.g. `name=seccomp,profile=default`, `name=apparmor`, `name=userns`. */
  readonly SecurityOptions?: readonly string[] | null;
  /** By the names that `HostConfig.Runtime` takes. */
  readonly Runtimes?: Readonly<Record<string, unknown>> | null;
}

/** A line of `GET /events`. */
export interface DockerEvent {
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
}

export type ContainerCreateBody = Docker.ContainerCreateOptions;

/** Body of `POST /containers/{id}/update`. A field of 0 is left as it is; -1 takes a limit away. */
export interface ContainerUpdateBody {
  readonly CpuShares: number;
  readonly CpuPeriod: number;
  readonly CpuQuota: number;
  readonly Memory: number;
  readonly MemorySwap: number;
  readonly PidsLimit: number;
}

/** Body of `POST /containers/{id}/exec`. */
export interface ExecCreateBody {
  readonly Cmd: readonly string[];
  readonly AttachStdin: boolean;
  readonly AttachStdout: boolean;
  readonly AttachStderr: boolean;
  readonly Tty: boolean;
  readonly DetachKeys?: string;
}

/** The part of `GET /exec/{id}/json` that podwright reads. */
export interface ExecInspection {
  readonly Running: boolean;
  /** Null until the command has ended. */
  readonly ExitCode: number | null;
  /** In dockerd's PID namespace; 0 until the command runs. */
  readonly Pid: number;
}

/** Query of `GET /containers/{id}/logs`. */
export interface LogQuery {
  readonly follow: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly timestamps: boolean;
  /** Seconds since the epoch, with a fraction; `0` for all. */
  readonly since: string;
  /** Number of lines, or `all`. */
  readonly tail: string;
}

/** Query of `POST /containers/{id}/attach`. */
export interface AttachQuery {
  readonly stream: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly detachKeys: string;
}

/**
 * The Docker calls that podwright uses. Rejects with `DockerError` (an answer of the API), `RuntimeUnavailableError`
 * (nobody answers) or the signal's reason. A stream is destroyed when the signal is aborted.
 */
export interface DockerClient {
  info(signal: AbortSignal): Promise<DockerInfo>;
  version(signal: AbortSignal): Promise<{ readonly Version: string; readonly ApiVersion: string }>;
  createContainer(body: ContainerCreateBody, signal: AbortSignal): Promise<string>;
  startContainer(id: string, signal: AbortSignal): Promise<void>;
  stopContainer(id: string, graceSeconds: number, signal: AbortSignal): Promise<void>;
  removeContainer(id: string, signal: AbortSignal): Promise<void>;
  updateContainer(id: string, body: ContainerUpdateBody, signal: AbortSignal): Promise<void>;
  inspectContainer(id: string, signal: AbortSignal): Promise<ContainerInspection>;
  listContainers(labels: readonly string[], signal: AbortSignal): Promise<readonly ContainerListEntry[]>;
  /** Newest first. dockerd walks through every writable layer for it: seconds where there is much in them. */
  listContainerSizes(labels: readonly string[], signal: AbortSignal): Promise<readonly ContainerSizeEntry[]>;
  /** What a container printed; framed unless it has a terminal. */
  containerLogs(id: string, query: LogQuery, signal: AbortSignal): Promise<Readable>;
  events(filters: Record<string, readonly string[]>, signal: AbortSignal): Promise<NodeJS.ReadableStream>;

  /** Streams of a container's process; its output is framed unless it has a terminal, and its end is the input's end. */
  attachContainer(id: string, query: AttachQuery, signal: AbortSignal): Promise<Duplex>;
  resizeContainer(
    id: string,
    size: { readonly width: number; readonly height: number },
    signal: AbortSignal,
  ): Promise<void>;

  createExec(containerId: string, body: ExecCreateBody, signal: AbortSignal): Promise<string>;
  /** Starts a command and resolves to its output; framed unless it has a terminal. */
  startExec(id: string, tty: boolean, signal: AbortSignal): Promise<Readable>;
  /** As {@link startExec}, over a connection of its own that carries the input too; its end is the end of the input. */
  hijackExec(id: string, tty: boolean, signal: AbortSignal): Promise<Duplex>;
  resizeExec(id: string, size: { readonly width: number; readonly height: number }, signal: AbortSignal): Promise<void>;
  inspectExec(id: string, signal: AbortSignal): Promise<ExecInspection>;

  inspectImage(name: string, signal: AbortSignal): Promise<ImageInspection>;
  listImages(signal: AbortSignal): Promise<readonly ImageListEntry[]>;
  /** Removes one reference, and with the last one the image. Rejects with a conflict while a container uses it. */
  removeImage(name: string, signal: AbortSignal): Promise<void>;
  /** Progress of the pull as JSON lines; an `error` line says that it failed. */
  pullImage(name: string, auth: Docker.AuthConfig | undefined, signal: AbortSignal): Promise<NodeJS.ReadableStream>;
  /** `docker load`; the archive may be packed. */
  loadImage(archive: Uint8Array | Readable, signal: AbortSignal): Promise<NodeJS.ReadableStream>;
}

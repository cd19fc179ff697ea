import Docker from 'dockerode';
import { withDeadline } from '../../deadline.ts';
import { toRuntimeError } from './errors.ts';

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

/** The part of `GET /containers/{id}/json` that podwright reads. */
export interface ContainerInspection {
  readonly Id: string;
  readonly Created: string;
  readonly Image: string;
  readonly Config: { readonly Labels: Readonly<Record<string, string>> };
  readonly HostConfig: { readonly NetworkMode?: string };
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
}

export interface DockerInfo {
  readonly ServerVersion: string;
  readonly DockerRootDir: string;
  readonly CgroupDriver: string;
  readonly CgroupVersion: string;
  readonly Driver: string;
  readonly LoggingDriver: string;
  readonly OSType: string;
  readonly Architecture: string;
}

/** A line of `GET /events`. */
export interface DockerEvent {
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
}

export type ContainerCreateBody = Docker.ContainerCreateOptions;

/**
 * The Docker calls that podwright uses. Rejects with `DockerError` (an answer of the API), `RuntimeUnavailableError`
 * (nobody answers) or the signal's reason.
 */
export interface DockerClient {
  info(signal: AbortSignal): Promise<DockerInfo>;
  version(signal: AbortSignal): Promise<{ readonly Version: string; readonly ApiVersion: string }>;
  createContainer(body: ContainerCreateBody, signal: AbortSignal): Promise<string>;
  startContainer(id: string, signal: AbortSignal): Promise<void>;
  stopContainer(id: string, graceSeconds: number, signal: AbortSignal): Promise<void>;
  removeContainer(id: string, signal: AbortSignal): Promise<void>;
  inspectContainer(id: string, signal: AbortSignal): Promise<ContainerInspection>;
  listContainers(labels: readonly string[], signal: AbortSignal): Promise<readonly ContainerListEntry[]>;
  events(filters: Record<string, readonly string[]>, signal: AbortSignal): Promise<NodeJS.ReadableStream>;
  inspectImage(name: string, signal: AbortSignal): Promise<ImageInspection>;
  /** Progress of the pull as JSON lines; an `error` line says that it failed. */
  pullImage(name: string, auth: Docker.AuthConfig | undefined, signal: AbortSignal): Promise<NodeJS.ReadableStream>;
  loadImage(archive: Uint8Array, signal: AbortSignal): Promise<NodeJS.ReadableStream>;
}

interface Cancellable {
  readonly abortSignal: AbortSignal;
}

/** dockerode as it is used here: its published types trail the options and answers that it really has. */
interface Engine {
  info(options: Cancellable): Promise<DockerInfo>;
  version(options: Cancellable): Promise<{ Version: string; ApiVersion: string }>;
  createContainer(options: ContainerCreateBody & Cancellable): Promise<{ id: string }>;
  getContainer(id: string): {
    start(options: Cancellable): Promise<unknown>;
    stop(options: Cancellable & { t: number }): Promise<unknown>;
    remove(options: Cancellable & { force: boolean; v: boolean }): Promise<unknown>;
    inspect(options: Cancellable): Promise<ContainerInspection>;
  };
  listContainers(
    options: Cancellable & { all: boolean; filters: { label: readonly string[] } },
  ): Promise<ContainerListEntry[]>;
  getEvents(options: Cancellable & { filters: string }): Promise<NodeJS.ReadableStream>;
  getImage(name: string): { inspect(options: Cancellable): Promise<ImageInspection> };
  pull(name: string, options: Cancellable & { authconfig?: Docker.AuthConfig }): Promise<NodeJS.ReadableStream>;
  loadImage(archive: Buffer, options: Cancellable & { quiet: boolean }): Promise<NodeJS.ReadableStream>;
}

/**
 * Connects to the Engine API. Nothing is sent before the first call.
 *
 * @param dockerHost `unix:///path` or `tcp://host:port`, as in `DOCKER_HOST`
 * @param timeoutMs deadline of a call, as the kubelet's `runtimeRequestTimeout`; pulls, loads and event streams have none
 */
export function createDockerClient(dockerHost: string, timeoutMs: number): DockerClient {
  const docker = new Docker(connection(dockerHost)) as unknown as Engine;
  const stream = async <T>(what: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    try {
      return await run();
    } catch (error) {
      throw toRuntimeError(what, error, signal);
    }
  };
  const call = <T>(
    what: string,
    signal: AbortSignal,
    run: (abortSignal: AbortSignal) => Promise<T>,
    extraMs = 0,
  ): Promise<T> =>
    withDeadline(what, timeoutMs + extraMs, signal, (abortSignal) => stream(what, abortSignal, () => run(abortSignal)));
  const container = (id: string): ReturnType<Engine['getContainer']> => docker.getContainer(id);
  return {
    info: (signal) => call('docker info', signal, (abortSignal) => docker.info({ abortSignal })),
    version: (signal) => call('docker version', signal, (abortSignal) => docker.version({ abortSignal })),
    createContainer: (body, signal) =>
      call(`create container ${body.name ?? ''}`, signal, async (abortSignal) => {
        return (await docker.createContainer({ ...body, abortSignal })).id;
      }),
    startContainer: (id, signal) =>
      call(`start container ${id}`, signal, async (abortSignal) => {
        await container(id).start({ abortSignal });
      }),
    stopContainer: (id, t, signal) =>
      call(
        `stop container ${id}`,
        signal,
        async (abortSignal) => {
          await container(id).stop({ t, abortSignal });
        },
        t * 1000,
      ),
    removeContainer: (id, signal) =>
      call(`remove container ${id}`, signal, async (abortSignal) => {
        await container(id).remove({ force: true, v: true, abortSignal });
      }),
    inspectContainer: (id, signal) =>
      call(`inspect container ${id}`, signal, (abortSignal) => container(id).inspect({ abortSignal })),
    listContainers: (label, signal) =>
      call('list containers', signal, (abortSignal) =>
        docker.listContainers({ all: true, filters: { label }, abortSignal }),
      ),
    events: (filters, abortSignal) =>
      stream('docker events', abortSignal, () => docker.getEvents({ filters: JSON.stringify(filters), abortSignal })),
    inspectImage: (name, signal) =>
      call(`inspect image ${name}`, signal, (abortSignal) => docker.getImage(name).inspect({ abortSignal })),
    pullImage: (name, authconfig, abortSignal) =>
      stream(`pull image ${name}`, abortSignal, () =>
        docker.pull(name, { abortSignal, ...(authconfig === undefined ? {} : { authconfig }) }),
      ),
    loadImage: (archive, abortSignal) =>
      stream('load image', abortSignal, () => docker.loadImage(Buffer.from(archive), { quiet: true, abortSignal })),
  };
}

function connection(dockerHost: string): Docker.DockerOptions {
  const url = new URL(dockerHost);
  if (url.protocol === 'unix:') return { socketPath: url.pathname };
  return { protocol: url.protocol === 'https:' ? 'https' : 'http', host: url.hostname, port: url.port || '2375' };
}

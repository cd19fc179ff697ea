import { addAbortSignal, type Duplex, type Readable } from 'node:stream';
import Docker from 'dockerode';
import { withDeadline } from '../../deadline.ts';
import type {
  AttachQuery,
  ContainerCreateBody,
  ContainerInspection,
  ContainerListEntry,
  ContainerSizeEntry,
  ContainerUpdateBody,
  DockerClient,
  DockerInfo,
  ExecCreateBody,
  ExecInspection,
  ImageInspection,
  ImageListEntry,
  LogQuery,
} from './api.ts';
import { toRuntimeError } from './errors.ts';

interface Cancellable {
  readonly abortSignal: AbortSignal;
}

interface ExecStart extends Cancellable {
  readonly Detach: false;
  readonly Tty: boolean;
}

/** dockerode as it is used here: its published types trail the options and answers that it really has. */
interface Engine {
  info(options: Cancellable): Promise<DockerInfo>;
  version(options: Cancellable): Promise<{ Version: string; ApiVersion: string }>;
  createContainer(
    options: Cancellable & { _query: { name?: string }; _body: Omit<ContainerCreateBody, 'name'> },
  ): Promise<{ id: string }>;
  getContainer(id: string): {
    start(options: Cancellable): Promise<unknown>;
    stop(options: Cancellable & { t: number }): Promise<unknown>;
    remove(options: Cancellable & { force: boolean; v: boolean }): Promise<unknown>;
    resize(options: Cancellable & { w: number; h: number }): Promise<unknown>;
    update(options: ContainerUpdateBody & Cancellable): Promise<unknown>;
    inspect(options: Cancellable): Promise<ContainerInspection>;
    exec(options: ExecCreateBody & Cancellable): Promise<{ id: string }>;
  };
  getExec(id: string): {
    start(options: ExecStart & { hijack: true; stdin: true }): Promise<Duplex>;
    start(options: ExecStart): Promise<Readable>;
    resize(options: Cancellable & { w: number; h: number }): Promise<unknown>;
    inspect(options: Cancellable): Promise<ExecInspection>;
  };
  listContainers(
    options: Cancellable & { all: boolean; filters: { label: readonly string[] } },
  ): Promise<ContainerListEntry[]>;
  listContainers(
    options: Cancellable & { all: boolean; size: true; filters: { label: readonly string[] } },
  ): Promise<ContainerSizeEntry[]>;
  getEvents(options: Cancellable & { filters: string }): Promise<NodeJS.ReadableStream>;
  getImage(name: string): {
    inspect(options: Cancellable): Promise<ImageInspection>;
    remove(options: Cancellable): Promise<unknown>;
  };
  listImages(options: Cancellable): Promise<ImageListEntry[]>;
  pull(name: string, options: Cancellable & { authconfig?: Docker.AuthConfig }): Promise<NodeJS.ReadableStream>;
  loadImage(archive: Buffer | Readable, options: Cancellable & { quiet: boolean }): Promise<NodeJS.ReadableStream>;
  readonly modem: { dial(request: object, callback: (error: Error | null, answer: Duplex) => void): void };
}

/**
 * Connects to the Engine API. Nothing is sent before the first call.
 *
 * @param dockerHost `unix:///path` or `tcp://host:port`, as in `DOCKER_HOST`
 * @param timeoutMs deadline of a call, as the kubelet's `runtimeRequestTimeout`; whatever answers with a stream has none
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
    run: (options: Cancellable) => Promise<T>,
    extraMs = 0,
  ): Promise<T> =>
    withDeadline(what, timeoutMs + extraMs, signal, (abortSignal) =>
      stream(what, abortSignal, () => run({ abortSignal })),
    );
  const act = async (...request: Parameters<typeof call>): Promise<void> => {
    await call(...request);
  };
  const container = (id: string): ReturnType<Engine['getContainer']> => docker.getContainer(id);
  const exec = (id: string): ReturnType<Engine['getExec']> => docker.getExec(id);
  return {
    info: (signal) => call('docker info', signal, (options) => docker.info(options)),
    version: (signal) => call('docker version', signal, (options) => docker.version(options)),
    // Left to itself, dockerode also writes the whole body into the URL, which has a limit and gets into logs.
    createContainer: ({ name, ...body }, signal) =>
      call(`create container ${name ?? ''}`, signal, async (options) => {
        const query = name === undefined ? {} : { name };
        return (await docker.createContainer({ _query: query, _body: body, ...options })).id;
      }),
    startContainer: (id, signal) => act(`start container ${id}`, signal, (options) => container(id).start(options)),
    stopContainer: (id, t, signal) =>
      act(`stop container ${id}`, signal, (options) => container(id).stop({ t, ...options }), t * 1000),
    removeContainer: (id, signal) =>
      act(`remove container ${id}`, signal, (options) => container(id).remove({ force: true, v: true, ...options })),
    updateContainer: (id, body, signal) =>
      act(`update container ${id}`, signal, (options) => container(id).update({ ...body, ...options })),
    inspectContainer: (id, signal) =>
      call(`inspect container ${id}`, signal, (options) => container(id).inspect(options)),
    listContainers: (label, signal) =>
      call('list containers', signal, (options) =>
        docker.listContainers({ all: true, filters: { label }, ...options }),
      ),
    listContainerSizes: (label, signal) =>
      call('list sizes of containers', signal, (options) =>
        docker.listContainers({ all: true, size: true, filters: { label }, ...options }),
      ),
    containerLogs: (id, query, abortSignal) =>
      stream(`logs of container ${id}`, abortSignal, async () => {
        return addAbortSignal(abortSignal, await openLogs(docker, id, query, abortSignal));
      }),
    events: (filters, abortSignal) =>
      stream('docker events', abortSignal, () => docker.getEvents({ filters: JSON.stringify(filters), abortSignal })),

    attachContainer: (id, query, abortSignal) =>
      stream(`attach to container ${id}`, abortSignal, async () => {
        return addAbortSignal(abortSignal, await openAttachment(docker, id, query, abortSignal));
      }),
    resizeContainer: (id, { width, height }, signal) =>
      act(`resize container ${id}`, signal, (options) => container(id).resize({ w: width, h: height, ...options })),

    createExec: (id, body, signal) =>
      call(`create exec in container ${id}`, signal, async (options) => {
        return (await container(id).exec({ ...body, ...options })).id;
      }),
    startExec: (id, Tty, abortSignal) =>
      stream(`start exec ${id}`, abortSignal, async () => {
        return addAbortSignal(abortSignal, await exec(id).start({ Detach: false, Tty, abortSignal }));
      }),
    hijackExec: (id, Tty, abortSignal) =>
      stream(`start exec ${id}`, abortSignal, async () => {
        const options = { Detach: false, Tty, hijack: true, stdin: true, abortSignal } as const;
        return addAbortSignal(abortSignal, await exec(id).start(options));
      }),
    resizeExec: (id, { width, height }, signal) =>
      act(`resize exec ${id}`, signal, (options) => exec(id).resize({ w: width, h: height, ...options })),
    inspectExec: (id, signal) => call(`inspect exec ${id}`, signal, (options) => exec(id).inspect(options)),

    inspectImage: (name, signal) =>
      call(`inspect image ${name}`, signal, (options) => docker.getImage(name).inspect(options)),
    listImages: (signal) => call('list images', signal, (options) => docker.listImages(options)),
    removeImage: (name, signal) =>
      act(`remove image ${name}`, signal, (options) => docker.getImage(name).remove(options)),
    pullImage: (name, authconfig, abortSignal) =>
      stream(`pull image ${name}`, abortSignal, () =>
        docker.pull(name, { abortSignal, ...(authconfig === undefined ? {} : { authconfig }) }),
      ),
    loadImage: (archive, abortSignal) =>
      stream('load image', abortSignal, () =>
        docker.loadImage(archive instanceof Uint8Array ? Buffer.from(archive) : archive, { quiet: true, abortSignal }),
      ),
  };
}

/** dockerode's own call sends the signal to Docker as a parameter. */
function openAttachment(docker: Engine, id: string, query: AttachQuery, abortSignal: AbortSignal): Promise<Duplex> {
  const request = {
    path: `/containers/${encodeURIComponent(id)}/attach?`,
    method: 'POST',
    isStream: true,
    hijack: true,
    // A body of no bytes: without one the request is never sent, and what a body holds could become input.
    file: Buffer.alloc(0),
    abortSignal,
    statusCodes: { 200: true },
    options: query,
  };
  return dial(docker, request);
}

/** dockerode's own call reads a log that is not followed into memory as a whole. */
function openLogs(docker: Engine, id: string, query: LogQuery, abortSignal: AbortSignal): Promise<Readable> {
  const request = {
    path: `/containers/${encodeURIComponent(id)}/logs?`,
    method: 'GET',
    isStream: true,
    abortSignal,
    statusCodes: { 200: true },
    options: query,
  };
  return dial(docker, request);
}

function dial(docker: Engine, request: object): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    docker.modem.dial(request, (error, answer) => {
      if (error === null) resolve(answer);
      else reject(error);
    });
  });
}

function connection(dockerHost: string): Docker.DockerOptions {
  const url = new URL(dockerHost);
  if (url.protocol === 'unix:') return { socketPath: url.pathname };
  return { protocol: url.protocol === 'https:' ? 'https' : 'http', host: url.hostname, port: url.port || '2375' };
}

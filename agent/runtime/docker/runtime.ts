import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../../cni/index.ts';
import { SharedTasks } from '../../images/shared-task.ts';
import type { ContainerConfig, ContainerRuntime, ImageStatus } from '../types.ts';
import { attach } from './attach.ts';
import { containerLogs } from './container-logs.ts';
import { renderContainer } from './create-render.ts';
import { isNotModified } from './errors.ts';
import { watchEvents } from './events.ts';
import { exec, execSync } from './exec.ts';
import { imageLayers, imageStatus, listImages, loadImage, pullImage, removeImage } from './images.ts';
import { decodePod, label } from './labels.ts';
import { collectorLogPath, containerLogPath, linkLogs, type LogDirectories, unlinkLogs } from './logs.ts';
import { createObserver } from './observer.ts';
import { summarise } from './pod-status.ts';
import {
  createReplacing,
  inspectIfThere,
  netnsOf,
  removeContainer,
  runPodSandbox,
  type SandboxDeps,
  stopContainer,
  stopPodSandbox,
} from './sandbox.ts';
import { renderUpdate } from './update-render.ts';

export interface DockerRuntimeDeps extends SandboxDeps {
  readonly logs: LogDirectories;
}

/** {@link ContainerRuntime} on Docker. Sandboxes get their network from `network`, as a CRI runtime does it inside. */
export function createDockerRuntime(deps: DockerRuntimeDeps): ContainerRuntime {
  const { client } = deps;
  const observer = createObserver(deps);
  const lookups = new SharedTasks<ImageStatus | undefined>();
  const dockerRootDir = lazily(async (signal: AbortSignal) => (await client.info(signal)).DockerRootDir);
  const apiVersion = lazily(async (signal: AbortSignal) => (await client.version(signal)).ApiVersion);

  return {
    version: async (signal) => {
      const { Version, ApiVersion } = await client.version(signal);
      return { name: 'docker', version: Version, apiVersion: ApiVersion };
    },
    runPodSandbox: (config, signal) => runPodSandbox(deps, config, signal),
    stopPodSandbox: (id, signal) => {
      // From here on its network cannot be relied on, also when the stop fails half-way.
      observer.forget(id);
      return stopPodSandbox(deps, id, signal);
    },
    removePodSandbox: async (id, signal) => {
      await removeContainer(client, id, signal);
      observer.forget(id);
    },
    createContainer: async (sandboxId, config, signal) => {
      const root = await dockerRootDir(signal);
      if (config.mounts.some((mount) => mount.recursiveReadOnly)) checkRecursiveReadOnly(await apiVersion(signal));
      const id = await deps.limitStarts(() => createContainer(deps, sandboxId, config, signal));
      await linkContainerLogs(deps.logs, config, id, dockerLogPath(root, id));
      return id;
    },
    startContainer: (id, signal) => deps.limitStarts(() => startContainer(deps, id, signal)),
    stopContainer: (id, graceSeconds, signal) => stopContainer(client, id, graceSeconds, signal),
    removeContainer: async (id, signal) => {
      const inspection = await inspectIfThere(client, id, signal);
      await removeContainer(client, id, signal);
      if (inspection !== undefined) await unlinkLogs(...logLinks(deps.logs, id, inspection.Config.Labels));
      observer.forget(id);
    },
    updateContainerResources: async (id, resources, signal) => {
      await client.updateContainer(id, renderUpdate(resources), signal);
      observer.touched(id);
    },
    execSync: (id, command, timeoutMs, signal) => execSync(client, id, command, timeoutMs, signal),
    exec: (id, command, streams, signal) => exec(client, id, command, streams, signal),
    attach: (id, streams, signal) => attach(client, id, streams, signal),
    containerLogs: (id, options, streams, signal) => containerLogs(client, id, options, streams, signal),
    networkNamespace: async (uid, signal) => {
      const { sandboxes } = await observer.podStatus(uid, signal);
      const id = sandboxes.find(({ state }) => state === 'ready')?.id;
      const pid = id === undefined ? 0 : ((await inspectIfThere(client, id, signal))?.State.Pid ?? 0);
      return pid === 0 ? undefined : netnsOf(pid);
    },
    podStatus: (uid, signal) => observer.podStatus(uid, signal),
    listPods: async (signal) => summarise(await client.listContainers([label.podUid], signal)),
    watchEvents: (onEvent, onOpen, signal) =>
      watchEvents(
        client,
        (event) => {
          // Of a start the list shows all that matters; only an end is told before the list shows it.
          if (event.kind !== 'started') observer.touched(event.containerId);
          onEvent(event);
        },
        () => {
          observer.forgetAll();
          onOpen();
        },
        signal,
      ),
    // Pods that start at one time mostly look for the same images.
    imageStatus: (image, signal) => lookups.run(image, (shared) => imageStatus(client, image, shared), signal),
    pullImage: (image, signal, auth, onLayer) => pullImage(client, image, { auth, onLayer }, signal),
    loadImage: (archive, signal) => loadImage(client, archive, signal),
    listImages: (signal) => listImages(client, signal),
    removeImage: (id, signal) => removeImage(client, id, signal),
    imageLayers: (image, signal) => imageLayers(client, image, signal),
  };
}

async function createContainer(
  deps: DockerRuntimeDeps,
  sandboxId: string,
  config: ContainerConfig,
  signal: AbortSignal,
): Promise<string> {
  const logPath = containerLogPath(deps.logs.podLogsDir, config.pod, config.name, config.attempt);
  // A bind mount needs its source: like CRI runtimes, make the directory that an unchecked hostPath names.
  await Promise.all(config.mounts.map(({ hostPath }) => mkdir(hostPath, { recursive: true }).catch(ignoreExisting)));
  const body = renderContainer(sandboxId, config, logPath, deps.defaults);
  return createReplacing(deps.client, body, config.pod.uid, signal);
}

/** An older Docker would leave the option out without a word, and what is mounted below writable. */
function checkRecursiveReadOnly(apiVersion: string): void {
  const [major = 0, minor = 0] = apiVersion.split('.').map(Number);
  if (major > 1 || (major === 1 && minor >= 44)) return;
  throw new Error(`recursive read-only mounts need Docker 25 (API 1.44) or newer; this one has API ${apiVersion}`);
}

function ignoreExisting(error: unknown): void {
  if (errorCode(error) !== 'EEXIST') throw error;
}

async function startContainer(deps: DockerRuntimeDeps, id: string, signal: AbortSignal): Promise<void> {
  try {
    await deps.client.startContainer(id, signal);
  } catch (error) {
    if (!isNotModified(error)) throw error;
  }
}

/** Docker's json-file driver always writes here; an inspection would say the same for a round trip more. */
const dockerLogPath = (root: string, id: string): string => join(root, 'containers', id, `${id}-json.log`);

async function linkContainerLogs(
  logs: LogDirectories,
  config: ContainerConfig,
  id: string,
  dockerLog: string,
): Promise<void> {
  const podLog = containerLogPath(logs.podLogsDir, config.pod, config.name, config.attempt);
  await linkLogs(dockerLog, podLog, collectorLogPath(logs.containerLogsDir, config.pod, config.name, id));
}

/** Where the links to a container's log are, by what its labels say. */
function logLinks(logs: LogDirectories, id: string, labels: Readonly<Record<string, string>>): [string, string] {
  const container = labels[label.containerName] ?? '';
  return [labels[label.logPath] ?? '', collectorLogPath(logs.containerLogsDir, decodePod(labels), container, id)];
}

/** Remembers the first success of `load`. */
function lazily<T>(load: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let loaded: { readonly value: T } | undefined;
  return async (signal) => {
    loaded ??= { value: await load(signal) };
    return loaded.value;
  };
}

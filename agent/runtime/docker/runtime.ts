import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerConfig, ContainerRuntime, RuntimeContainerStatus, RuntimePod, SandboxStatus } from '../types.ts';
import type { ContainerInspection, ContainerListEntry } from './client.ts';
import { renderContainer } from './create-render.ts';
import { isNotModified } from './errors.ts';
import { watchEvents } from './events.ts';
import { imageStatus, loadImage, pullImage } from './images.ts';
import { decodePod, label } from './labels.ts';
import { collectorLogPath, containerLogPath, linkLogs, type LogDirectories, unlinkLogs } from './logs.ts';
import { isSandbox, summarise, toContainerStatus, toSandboxStatus } from './pod-status.ts';
import {
  createReplacing,
  inspectIfThere,
  ipsOf,
  removeContainer,
  runPodSandbox,
  type SandboxDeps,
  stopContainer,
  stopPodSandbox,
} from './sandbox.ts';

export interface DockerRuntimeDeps extends SandboxDeps {
  readonly logs: LogDirectories;
}

/** {@link ContainerRuntime} on Docker. Sandboxes get their network from `network`, as a CRI runtime does it inside. */
export function createDockerRuntime(deps: DockerRuntimeDeps): ContainerRuntime {
  const { client } = deps;
  const observer = createObserver(deps);
  const dockerRootDir = lazily(async (signal: AbortSignal) => (await client.info(signal)).DockerRootDir);

  return {
    version: async (signal) => {
      const { Version, ApiVersion } = await client.version(signal);
      return { name: 'docker', version: Version, apiVersion: ApiVersion };
    },
    runPodSandbox: (config, signal) => runPodSandbox(deps, config, signal),
    stopPodSandbox: (id, signal) => stopPodSandbox(deps, id, signal),
    removePodSandbox: async (id, signal) => {
      await removeContainer(client, id, signal);
      observer.forget(id);
    },
    createContainer: async (sandboxId, config, signal) => {
      const root = await dockerRootDir(signal);
      const id = await createContainer(deps, sandboxId, config, signal);
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
    podStatus: (uid, signal) => observer.podStatus(uid, signal),
    listPods: async (signal) => summarise(await client.listContainers([label.podUid], signal)),
    watchEvents: (onEvent, onOpen, signal) => watchEvents(client, onEvent, onOpen, signal),
    imageStatus: (image, signal) => imageStatus(client, image, signal),
    pullImage: (image, signal, auth) => pullImage(client, image, auth, signal),
    loadImage: (archive, signal) => loadImage(client, archive, signal),
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

function ignoreExisting(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
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

interface Observer {
  podStatus(uid: string, signal: AbortSignal): Promise<RuntimePod>;
  forget(id: string): void;
}

/** Reads what Docker has of a pod. An inspection is kept until the list shows another state of that container. */
function createObserver({ client, network }: DockerRuntimeDeps): Observer {
  const inspections = new Map<string, { readonly listedState: string; readonly inspection: ContainerInspection }>();
  const ips = new Map<string, readonly string[]>();

  const inspect = async (entry: ContainerListEntry, signal: AbortSignal): Promise<RuntimeContainerStatus> => {
    const kept = inspections.get(entry.Id);
    if (kept?.listedState === entry.State) return toContainerStatus(entry, kept.inspection);
    const inspection = await inspectIfThere(client, entry.Id, signal);
    if (inspection?.State.Status === entry.State) inspections.set(entry.Id, { listedState: entry.State, inspection });
    return toContainerStatus(entry, inspection);
  };

  const sandboxIps = async (entry: ContainerListEntry): Promise<readonly string[]> => {
    const known = ips.get(entry.Id);
    if (known !== undefined || entry.HostConfig.NetworkMode === 'host') return known ?? [];
    const found = ipsOf(await network.cached(entry.Id));
    if (found.length > 0) ips.set(entry.Id, found);
    return found;
  };

  return {
    podStatus: async (uid, signal) => {
      const entries = await client.listContainers([`${label.podUid}=${uid}`], signal);
      const sandboxes = entries
        .filter(isSandbox)
        .map(async (entry): Promise<SandboxStatus> => toSandboxStatus(entry, await sandboxIps(entry)));
      const containers = entries.filter((entry) => !isSandbox(entry)).map((entry) => inspect(entry, signal));
      return {
        uid,
        sandboxes: (await Promise.all(sandboxes)).sort(newestFirst),
        containers: (await Promise.all(containers)).sort(newestFirst),
      };
    },
    forget: (id) => {
      inspections.delete(id);
      ips.delete(id);
    },
  };
}

interface Aged {
  readonly attempt: number;
  readonly createdAt: number;
}

const newestFirst = (a: Aged, b: Aged): number => b.attempt - a.attempt || b.createdAt - a.createdAt;

/** Remembers the first success of `load`. */
function lazily<T>(load: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let loaded: { readonly value: T } | undefined;
  return async (signal) => {
    loaded ??= { value: await load(signal) };
    return loaded.value;
  };
}

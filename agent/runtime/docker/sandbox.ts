import type { Attachment, PodNetwork } from '../../../cni/index.ts';
import type { PodSandboxConfig, SandboxNetwork, SandboxStart } from '../types.ts';
import type { ContainerCreateBody, ContainerInspection, DockerClient } from './api.ts';
import { type DockerDefaults, renderSandbox } from './create-render.ts';
import { isConflict, isNotFound, isNotModified } from './errors.ts';
import { decodePod, label } from './labels.ts';

export interface SandboxDeps {
  readonly client: DockerClient;
  readonly network: PodNetwork;
  readonly defaults: DockerDefaults;
  /** Bounds how many containers start at once: beyond that dockerd only gets slower. */
  readonly limitStarts: <T>(start: () => Promise<T>) => Promise<T>;
}

/**
 * Creates the sandbox container and begins to start it and to attach its network. When either fails everything is undone
 * and `ready` rejects, so that the next try begins from nothing.
 */
export async function runPodSandbox(
  deps: SandboxDeps,
  config: PodSandboxConfig,
  signal: AbortSignal,
): Promise<SandboxStart> {
  const body = renderSandbox(config, deps.network.podSysctls(), deps.defaults);
  const id = await deps.limitStarts(() => createReplacing(deps.client, body, config.pod.uid, signal));
  const ready = bringUp(deps, id, config, signal);
  // The caller may fail before it gets to await `ready`.
  ready.catch(() => undefined);
  return { id, ready };
}

async function bringUp(
  deps: SandboxDeps,
  id: string,
  config: PodSandboxConfig,
  signal: AbortSignal,
): Promise<SandboxNetwork> {
  try {
    await deps.limitStarts(() => deps.client.startContainer(id, signal));
    return config.namespaces.hostNetwork ? { ips: [] } : await attach(deps, id, config, signal);
  } catch (error) {
    if (!signal.aborted) {
      await deps.network.del(attachmentOf(id, config), signal).catch(() => undefined);
      await removeContainer(deps.client, id, signal).catch(() => undefined);
    }
    throw error;
  }
}

async function attach(
  deps: SandboxDeps,
  id: string,
  config: PodSandboxConfig,
  signal: AbortSignal,
): Promise<SandboxNetwork> {
  const { State } = await deps.client.inspectContainer(id, signal);
  if (State.Pid === 0) throw new Error(`sandbox ${id} ended as soon as it was started (exit code ${State.ExitCode})`);
  const result = await deps.network.add({ ...attachmentOf(id, config), netns: netnsOf(State.Pid) }, signal);
  return { ips: ipsOf(result) };
}

export const netnsOf = (pid: number): string => `/proc/${pid}/ns/net`;

function attachmentOf(containerId: string, config: PodSandboxConfig): Omit<Attachment, 'netns'> {
  return { containerId, pod: config.pod, portMappings: config.portMappings };
}

/** Addresses of a CNI result without their prefix lengths, in its order: the first is the pod's primary one. */
export function ipsOf(result: { readonly ips?: readonly { readonly address: string }[] } | undefined): string[] {
  return (result?.ips ?? []).map(({ address }) => address.split('/')[0] ?? address);
}

/** Detaches the network, then stops the sandbox, in the order that CRI asks for. */
export async function stopPodSandbox(deps: SandboxDeps, id: string, signal: AbortSignal): Promise<void> {
  const inspection = await inspectIfThere(deps.client, id, signal);
  if (inspection?.HostConfig.NetworkMode !== 'host') {
    const pid = inspection?.State.Pid ?? 0;
    const pod = decodePod(inspection?.Config.Labels ?? {});
    await deps.network.del(
      { containerId: id, pod, portMappings: [], ...(pid === 0 ? {} : { netns: netnsOf(pid) }) },
      signal,
    );
  }
  if (inspection?.State.Pid) await stopSandboxContainer(deps.client, id, signal);
}

/** Pause exits on SIGTERM; another sandbox image may need to be killed. */
const sandboxGraceSeconds = 2;

/** Stops the sandbox alone: its network stays, for who owns it. */
export const stopSandboxContainer = (client: DockerClient, id: string, signal: AbortSignal): Promise<void> =>
  stopContainer(client, id, sandboxGraceSeconds, signal);

export async function inspectIfThere(
  client: DockerClient,
  id: string,
  signal: AbortSignal,
): Promise<ContainerInspection | undefined> {
  try {
    return await client.inspectContainer(id, signal);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

export async function stopContainer(
  client: DockerClient,
  id: string,
  graceSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.stopContainer(id, graceSeconds, signal);
  } catch (error) {
    if (!isNotFound(error) && !isNotModified(error)) throw error;
  }
}

export async function removeContainer(client: DockerClient, id: string, signal: AbortSignal): Promise<void> {
  try {
    await client.removeContainer(id, signal);
  } catch (error) {
    // 409: another request is removing it already.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}

/**
 * Creates a container. Its name is unique to pod, container and attempt, so one that holds the name already is what a
 * killed daemon left half-made: it is removed first.
 */
export async function createReplacing(
  client: DockerClient,
  body: ContainerCreateBody,
  podUid: string,
  signal: AbortSignal,
): Promise<string> {
  try {
    return await client.createContainer(body, signal);
  } catch (error) {
    if (!isConflict(error)) throw error;
    const entries = await client.listContainers([`${label.podUid}=${podUid}`], signal);
    const holder = entries.find((entry) => entry.Names.includes(`/${body.name ?? ''}`));
    if (holder === undefined) throw error;
    await removeContainer(client, holder.Id, signal);
    return client.createContainer(body, signal);
  }
}

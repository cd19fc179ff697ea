import type { RuntimeContainerStatus, RuntimePodSummary, SandboxStatus } from '../types.ts';
import type { ContainerInspection, ContainerListEntry } from './api.ts';
import { decodeAnnotations, decodePod, label } from './labels.ts';
import { attemptOf } from './names.ts';
import { decodeResources } from './update-render.ts';

export const isSandbox = (entry: ContainerListEntry): boolean => entry.Labels[label.containerType] === 'podsandbox';

export function toSandboxStatus(entry: ContainerListEntry, ips: readonly string[]): SandboxStatus {
  return {
    id: entry.Id,
    pod: decodePod(entry.Labels),
    attempt: attemptOf(entry.Names[0] ?? ''),
    state: entry.State === 'running' ? 'ready' : 'notready',
    createdAt: entry.Created * 1000,
    hostNetwork: entry.HostConfig.NetworkMode === 'host',
    ips,
    annotations: decodeAnnotations(entry.Labels),
  };
}

/** @param inspection undefined when the container vanished after it was listed, or cannot be inspected */
export function toContainerStatus(
  entry: ContainerListEntry,
  inspection: ContainerInspection | undefined,
): RuntimeContainerStatus {
  const state = inspection?.State;
  const createdAt = parseTime(inspection?.Created) || entry.Created * 1000;
  // Docker leaves a container that it could not start in state created, with an exit code: for CRI it has exited.
  const startFailed = state?.Status === 'created' && state.ExitCode !== 0;
  return {
    id: entry.Id,
    name: entry.Labels[label.containerName] ?? '',
    sandboxId: entry.Labels[label.sandboxId] ?? '',
    attempt: attemptOf(entry.Names[0] ?? ''),
    state: startFailed ? 'exited' : containerState(state?.Status),
    createdAt,
    startedAt: parseTime(state?.StartedAt),
    finishedAt: parseTime(state?.FinishedAt) || (startFailed ? createdAt : 0),
    exitCode: state?.ExitCode ?? 0,
    oomKilled: state?.OOMKilled ?? false,
    error: state?.Error ?? '',
    image: entry.Image,
    imageId: entry.ImageID,
    ...(inspection === undefined ? {} : { resources: decodeResources(inspection.HostConfig) }),
    annotations: decodeAnnotations(entry.Labels),
  };
}

export const containerState = (status: string | undefined): RuntimeContainerStatus['state'] =>
  states[status ?? ''] ?? 'unknown';

/** Docker's states as CRI's. A container that restarts or is paused still runs; one that is being removed does not. */
const states: Readonly<Record<string, RuntimeContainerStatus['state']>> = {
  created: 'created',
  running: 'running',
  paused: 'running',
  restarting: 'running',
  exited: 'exited',
  dead: 'exited',
  removing: 'exited',
};

/** Milliseconds since the epoch; 0 for Docker's zero time `0001-01-01T00:00:00Z` and for none. */
function parseTime(time: string | undefined): number {
  const parsed = time === undefined ? 0 : Date.parse(time);
  return Number.isFinite(parsed) && parsed > 0 ? parsed : 0;
}

/** Groups a list of containers by pod. */
export function summarise(entries: readonly ContainerListEntry[]): readonly RuntimePodSummary[] {
  const byUid = new Map<string, ContainerListEntry[]>();
  for (const entry of entries) {
    const uid = entry.Labels[label.podUid];
    if (uid === undefined) continue;
    const ofPod = byUid.get(uid);
    if (ofPod === undefined) byUid.set(uid, [entry]);
    else ofPod.push(entry);
  }
  return [...byUid.values()].map(summary);
}

function summary(entries: readonly ContainerListEntry[]): RuntimePodSummary {
  const running = (entry: ContainerListEntry): boolean => entry.State === 'running' || entry.State === 'paused';
  return {
    pod: decodePod(entries[0]?.Labels ?? {}),
    sandboxes: entries.filter(isSandbox).map((entry) => ({ id: entry.Id, running: running(entry) })),
    containers: entries
      .filter((entry) => !isSandbox(entry))
      .map((entry) => ({ id: entry.Id, name: entry.Labels[label.containerName] ?? '', running: running(entry) })),
    fingerprint: entries
      .map((entry) => `${entry.Id}=${entry.State}`)
      .sort()
      .join(),
  };
}

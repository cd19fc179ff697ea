import type { PodNetwork } from '../../../cni/index.ts';
import type { RuntimeContainerStatus, RuntimePod, SandboxStatus } from '../types.ts';
import type { ContainerInspection, ContainerListEntry, DockerClient } from './api.ts';
import { label } from './labels.ts';
import { isSandbox, toContainerStatus, toSandboxStatus } from './pod-status.ts';
import { inspectIfThere, ipsOf } from './sandbox.ts';

/** Reads what Docker has of a pod, with as few questions as possible. */
export interface Observer {
  podStatus(uid: string, signal: AbortSignal): Promise<RuntimePod>;
  /** Something happened to a container. */
  touched(id: string): void;
  /** A container is gone. */
  forget(id: string): void;
  /** Events may have been lost. */
  forgetAll(): void;
}

interface Kept {
  readonly listedState: string;
  readonly inspection: ContainerInspection;
}

/**
 * An inspection is kept until the list shows another state of that container, or an event tells of it. After an event the
 * list is not believed: Docker tells of a container's end before its list shows it, while an inspection waits for it.
 */
export function createObserver({ client, network }: { client: DockerClient; network: PodNetwork }): Observer {
  const inspections = new Map<string, Kept>();
  const ips = new Map<string, readonly string[]>();
  const touched = new Set<string>();

  const inspect = async (entry: ContainerListEntry, signal: AbortSignal): Promise<ContainerInspection | undefined> => {
    touched.delete(entry.Id);
    const inspection = await inspectIfThere(client, entry.Id, signal);
    if (inspection?.State.Status === entry.State) inspections.set(entry.Id, { listedState: entry.State, inspection });
    else inspections.delete(entry.Id);
    return inspection;
  };

  const containerOf = async (entry: ContainerListEntry, signal: AbortSignal): Promise<RuntimeContainerStatus> => {
    const kept = touched.has(entry.Id) ? undefined : inspections.get(entry.Id);
    const isKept = kept?.listedState === entry.State;
    return toContainerStatus(entry, isKept ? kept.inspection : await inspect(entry, signal));
  };

  const sandboxOf = async (entry: ContainerListEntry, signal: AbortSignal): Promise<SandboxStatus> => {
    const state = touched.has(entry.Id) ? (await inspect(entry, signal))?.State.Status : entry.State;
    return toSandboxStatus({ ...entry, State: state ?? 'removing' }, await sandboxIps(entry));
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
      const [sandboxes, containers] = await Promise.all([
        Promise.all(entries.filter(isSandbox).map((entry) => sandboxOf(entry, signal))),
        Promise.all(entries.filter((entry) => !isSandbox(entry)).map((entry) => containerOf(entry, signal))),
      ]);
      return { uid, sandboxes: sandboxes.sort(newestFirst), containers: containers.sort(newestFirst) };
    },
    touched: (id) => touched.add(id),
    forget: (id) => {
      inspections.delete(id);
      ips.delete(id);
      touched.delete(id);
    },
    forgetAll: () => inspections.clear(),
  };
}

interface Aged {
  readonly attempt: number;
  readonly createdAt: number;
}

const newestFirst = (a: Aged, b: Aged): number => b.attempt - a.attempt || b.createdAt - a.createdAt;

import { decodePod, label } from '../runtime/docker/labels.ts';
import type { DockerClient } from '../runtime/docker/index.ts';
import type { PodIdentity } from '../runtime/types.ts';

/** A sandbox or container of a pod, as one list call tells of it. */
export interface ListedContainer {
  readonly id: string;
  readonly kind: 'sandbox' | 'container';
  readonly pod: PodIdentity;
  /** Of the pod's specification; that of a sandbox says nothing. */
  readonly name: string;
  /** The runtime's own: `k8s_web_nginx_default_<uid>_0`. */
  readonly runtimeName: string;
  readonly image: string;
  /** `running`, `exited` and so on, in Docker's words. */
  readonly state: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly hostNetwork: boolean;
}

/** Every sandbox and container of pods. */
export type ListContainers = (signal: AbortSignal) => Promise<readonly ListedContainer[]>;

export function dockerContainers(client: Pick<DockerClient, 'listContainers'>): ListContainers {
  return async (signal) =>
    (await client.listContainers([label.podUid], signal)).map((entry) => ({
      id: entry.Id,
      kind: entry.Labels[label.containerType] === 'podsandbox' ? 'sandbox' : 'container',
      pod: decodePod(entry.Labels),
      name: entry.Labels[label.containerName] ?? '',
      runtimeName: (entry.Names[0] ?? '').replace(/^\//, ''),
      image: entry.Image,
      state: entry.State,
      createdAt: entry.Created * 1_000,
      hostNetwork: entry.HostConfig.NetworkMode === 'host',
    }));
}

/** Bytes of the writable layer of every container of a pod, by ID. dockerd walks through the layers for it. */
export function dockerLayerSizes(
  client: Pick<DockerClient, 'listContainerSizes'>,
): (signal: AbortSignal) => Promise<ReadonlyMap<string, number>> {
  return async (signal) => {
    const entries = await client.listContainerSizes([label.podUid], signal);
    return new Map(entries.map(({ Id, SizeRw }) => [Id, SizeRw ?? 0]));
  };
}

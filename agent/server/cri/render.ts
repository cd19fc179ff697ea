import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  ContainerSchema,
  ContainerStatusSchema,
  ImageSchema,
  PodSandboxSchema,
  PodSandboxStatusSchema,
} from '../../cri/api_pb.js';
import {
  type ContainerFilter,
  ContainerState,
  NamespaceMode,
  type PodSandboxFilter,
  PodSandboxState,
} from '../../cri/api_pb.js';
import { isSelectedBy } from '../../objects/label-requirement.ts';
import type { ContainerListEntry } from '../../runtime/docker/api.ts';
import { decodeAnnotations, decodePod, label, userLabels } from '../../runtime/docker/labels.ts';
import { attemptOf } from '../../runtime/docker/names.ts';
import { containerState } from '../../runtime/docker/pod-status.ts';
import type { ImageStatus, RuntimeContainerStatus, SandboxStatus } from '../../runtime/types.ts';

type PodSandbox = MessageInitShape<typeof PodSandboxSchema>;
type PodSandboxStatus = MessageInitShape<typeof PodSandboxStatusSchema>;
type Container = MessageInitShape<typeof ContainerSchema>;
type ContainerStatus = MessageInitShape<typeof ContainerStatusSchema>;
type Image = MessageInitShape<typeof ImageSchema>;

/** CRI's unit of time. */
export const nanoseconds = (milliseconds: number): bigint => BigInt(Math.trunc(milliseconds)) * 1_000_000n;

const states = {
  created: ContainerState.CONTAINER_CREATED,
  running: ContainerState.CONTAINER_RUNNING,
  exited: ContainerState.CONTAINER_EXITED,
  unknown: ContainerState.CONTAINER_UNKNOWN,
} as const;

/** A row of Docker's list as CRI lists sandboxes. */
export const toPodSandbox = (entry: ContainerListEntry): PodSandbox => sandboxFields(entry);

function sandboxFields(entry: ContainerListEntry) {
  return {
    id: entry.Id,
    metadata: { ...decodePod(entry.Labels), attempt: attemptOf(entry.Names[0] ?? '') },
    state: entry.State === 'running' ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY,
    createdAt: nanoseconds(entry.Created * 1_000),
    labels: userLabels(entry.Labels),
    annotations: decodeAnnotations(entry.Labels),
  };
}

export function toPodSandboxStatus(entry: ContainerListEntry, { ips, hostNetwork }: SandboxStatus): PodSandboxStatus {
  const [ip = '', ...more] = ips;
  return {
    ...sandboxFields(entry),
    network: { ip, additionalIps: more.map((one) => ({ ip: one })) },
    linux: { namespaces: { options: { network: hostNetwork ? NamespaceMode.NODE : NamespaceMode.POD } } },
  };
}

/** A row of Docker's list as CRI lists containers. */
export function toContainer(entry: ContainerListEntry): Container {
  return {
    id: entry.Id,
    podSandboxId: entry.Labels[label.sandboxId] ?? '',
    metadata: { name: entry.Labels[label.containerName] ?? '', attempt: attemptOf(entry.Names[0] ?? '') },
    image: { image: entry.Image },
    imageRef: entry.ImageID,
    imageId: entry.ImageID,
    state: states[containerState(entry.State)],
    createdAt: nanoseconds(entry.Created * 1_000),
    labels: userLabels(entry.Labels),
    annotations: decodeAnnotations(entry.Labels),
  };
}

export function toContainerStatus(entry: ContainerListEntry, status: RuntimeContainerStatus): ContainerStatus {
  return {
    id: status.id,
    metadata: { name: status.name, attempt: status.attempt },
    state: states[status.state],
    createdAt: nanoseconds(status.createdAt),
    startedAt: nanoseconds(status.startedAt),
    finishedAt: nanoseconds(status.finishedAt),
    exitCode: status.exitCode,
    image: { image: status.image },
    imageRef: status.imageId,
    imageId: status.imageId,
    reason: reasonOf(status),
    message: status.error,
    labels: userLabels(entry.Labels),
    annotations: status.annotations,
    logPath: entry.Labels[label.logPath] ?? '',
  };
}

/** As the kubelet words them for runtimes that give none. */
function reasonOf({ state, oomKilled, exitCode }: RuntimeContainerStatus): string {
  if (state !== 'exited') return '';
  if (oomKilled) return 'OOMKilled';
  return exitCode === 0 ? 'Completed' : 'Error';
}

export function toImage({ id, tags, digests, size = 0, user }: ImageStatus): Image {
  const name = user?.split(':')[0] ?? '';
  const isNumber = /^\d+$/.test(name);
  return {
    id,
    repoTags: [...tags],
    repoDigests: [...digests],
    size: BigInt(size),
    ...(isNumber ? { uid: { value: BigInt(name) } } : { username: name }),
  };
}

/** Whether an ID is the one that is asked for: whole, or the beginning that people type. */
export const isAsked = (id: string, asked: string): boolean => asked !== '' && id.startsWith(asked);

export function matchesSandbox({ id, state, labels }: PodSandbox, filter: PodSandboxFilter | undefined): boolean {
  if (filter === undefined) return true;
  return (
    (filter.id === '' || isAsked(id ?? '', filter.id)) &&
    (filter.state === undefined || filter.state.state === state) &&
    isSelectedBy({ matchLabels: filter.labelSelector }, labels ?? {})
  );
}

export function matchesContainer(container: Container, filter: ContainerFilter | undefined): boolean {
  if (filter === undefined) return true;
  const { id = '', podSandboxId = '', state, labels } = container;
  return (
    (filter.id === '' || isAsked(id, filter.id)) &&
    (filter.podSandboxId === '' || isAsked(podSandboxId, filter.podSandboxId)) &&
    (filter.state === undefined || filter.state.state === state) &&
    isSelectedBy({ matchLabels: filter.labelSelector }, labels ?? {})
  );
}

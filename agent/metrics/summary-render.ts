import { amountLeft } from '../stats/parse.ts';
import type { FileSystemStats } from '../stats/index.ts';
import type { NetDevice } from './net-dev.ts';
import type {
  ContainerSummary,
  CpuStats,
  FsStats,
  InterfaceStats,
  MemoryStats,
  NetworkStats,
  NodeSummary,
  PodSummary,
  Summary,
  VolumeStats,
} from './summary-types.ts';
import type {
  CgroupSample,
  ContainerObservation,
  DiskObservation,
  NodeObservation,
  Observation,
  PodDisk,
  PodObservation,
} from './types.ts';

/** The kubelet takes the statistics of a pod's network from this device (`DefaultInterfaceName`, pkg/kubelet/network). */
const podDevice = 'eth0';

/** @param disks undefined for CPU and memory only, which leaves out all but these (`GetCPUAndMemoryStats`) */
export function renderSummary(
  nodeName: string,
  { node, pods }: Observation,
  disks: DiskObservation | undefined,
): Summary {
  return {
    node: renderNode(nodeName, node, disks),
    pods: pods.map((pod) => renderPod(pod, disks)),
  };
}

function renderNode(nodeName: string, node: NodeObservation, disks: DiskObservation | undefined): NodeSummary {
  const systems = node.systems.map(({ name, cgroup }) => ({
    name,
    startTime: timeOf(node.bootedAt),
    ...renderUsage(cgroup, cgroup.memory?.limit),
  }));
  const usage = { systemContainers: systems, ...renderUsage(node.cgroup, node.memoryCapacity) };
  const startTime = timeOf(node.bootedAt);
  if (disks === undefined) return { nodeName, startTime, ...usage };
  const network = renderNetwork(node.cgroup.time, node.network, node.defaultDevice);
  return { nodeName, startTime, ...usage, ...network, ...renderNodeDisks(disks) };
}

function renderNodeDisks(disks: DiskObservation): Pick<NodeSummary, 'fs' | 'runtime' | 'rlimit'> {
  const { time, nodeFs, imageFs, imageBytes, processes } = disks;
  const images = imageBytes === undefined ? undefined : { bytes: imageBytes, inodes: undefined };
  return {
    ...(nodeFs === undefined ? {} : { fs: renderFs(time, nodeFs, whole(nodeFs)) }),
    ...(imageFs === undefined ? {} : { runtime: { imageFs: renderFs(time, imageFs, images) } }),
    ...(processes === undefined
      ? {}
      : { rlimit: { time: timeOf(time), maxpid: processes.max, curproc: processes.running } }),
  };
}

function renderPod(observed: PodObservation, disks: DiskObservation | undefined): PodSummary {
  const { name, namespace, uid } = observed.pod.metadata;
  const disk = disks?.pods.get(uid);
  const base = {
    podRef: { name, namespace, uid },
    startTime: timeOf(observed.startedAt),
    containers: observed.containers.map((container) => renderContainer(container, disks, disk)),
    ...renderUsage(observed.cgroup, observed.cgroup.memory?.limit),
  };
  if (disks === undefined) return base;
  const network =
    observed.network === undefined ? {} : renderNetwork(observed.cgroup.time, observed.network, podDevice);
  return {
    ...base,
    ...network,
    ...renderPodDisk(observed, disks, disk),
    process_stats: { process_count: countProcesses(observed) },
  };
}

function countProcesses({ sandbox, containers }: PodObservation): number {
  const all = [...containers, ...(sandbox === undefined ? [] : [sandbox])];
  return all.reduce((sum, { processes }) => sum + (processes ?? 0), 0);
}

function renderContainer(
  { listed, startedAt, cgroup }: ContainerObservation,
  disks: DiskObservation | undefined,
  disk: PodDisk | undefined,
): ContainerSummary {
  const base = {
    name: listed.name,
    startTime: timeOf(startedAt),
    ...renderUsage(cgroup, cgroup.memory?.limit),
  };
  if (disks === undefined) return base;
  const layer = disks.layers.get(listed.id);
  const logs = disk?.logs.get(listed.name);
  return {
    ...base,
    rootfs: renderFs(disks.time, disks.imageFs, layer === undefined ? undefined : { bytes: layer, inodes: undefined }),
    logs: renderFs(disks.time, disks.nodeFs, logs),
  };
}

function renderPodDisk(
  { containers, pod }: PodObservation,
  { time, nodeFs, layers }: DiskObservation,
  disk: PodDisk | undefined,
): Pick<PodSummary, 'volume' | 'ephemeral-storage'> {
  if (disk === undefined) return {};
  const { namespace } = pod.metadata;
  const volumes: readonly VolumeStats[] = [
    ...[...disk.volumes].map(([name, usage]) => ({ ...renderFs(time, nodeFs, usage), name })),
    ...disk.claims.map(({ volume, claim, fs }) => ({
      ...{ ...renderFs(time, fs, whole(fs)), name: volume },
      pvcRef: { name: claim, namespace },
    })),
  ];
  const files = [...disk.volumes.values(), ...disk.logs.values()];
  const layerBytes = containers.reduce((sum, { listed }) => sum + (layers.get(listed.id) ?? 0), 0);
  const used = {
    bytes: files.reduce((sum, { bytes }) => sum + bytes, layerBytes),
    inodes: files.reduce((sum, { inodes }) => sum + inodes, 0),
  };
  return { ...(volumes.length === 0 ? {} : { volume: volumes }), 'ephemeral-storage': renderFs(time, nodeFs, used) };
}

/** @param memoryLimit bytes that may be used; undefined: no limit, then nothing can be said of what is available */
function renderUsage(
  { time, cpuNanos, memory, nanoCores }: CgroupSample,
  memoryLimit: number | undefined,
): { readonly cpu?: CpuStats; readonly memory?: MemoryStats } {
  const at = timeOf(time);
  return {
    ...(cpuNanos === undefined
      ? {}
      : {
          cpu: {
            time: at,
            ...(nanoCores === undefined ? {} : { usageNanoCores: nanoCores }),
            usageCoreNanoSeconds: cpuNanos,
          },
        }),
    ...(memory === undefined
      ? {}
      : {
          memory: {
            time: at,
            ...(memoryLimit === undefined
              ? {}
              : { availableBytes: amountLeft(memoryLimit, memory.workingSet).available }),
            usageBytes: memory.usage,
            workingSetBytes: memory.workingSet,
            rssBytes: memory.rss,
            pageFaults: memory.pageFaults,
            majorPageFaults: memory.majorPageFaults,
          },
        }),
  };
}

function renderNetwork(
  time: number,
  devices: readonly NetDevice[],
  defaultName: string | undefined,
): { readonly network: NetworkStats } {
  const interfaces = devices.map(renderInterface);
  const main = interfaces.find(({ name }) => name === defaultName);
  return { network: { time: timeOf(time), name: '', ...main, interfaces } };
}

function renderInterface({ name, receive, transmit }: NetDevice): InterfaceStats {
  return {
    name,
    rxBytes: receive.bytes,
    rxErrors: receive.errors,
    txBytes: transmit.bytes,
    txErrors: transmit.errors,
  };
}

function renderFs(
  time: number,
  fs: FileSystemStats | undefined,
  used: { readonly bytes: number; readonly inodes: number | undefined } | undefined,
): FsStats {
  return {
    time: timeOf(time),
    ...(fs === undefined ? {} : { availableBytes: fs.bytes.available, capacityBytes: fs.bytes.capacity }),
    ...(used === undefined ? {} : { usedBytes: used.bytes }),
    ...(fs?.inodes === undefined ? {} : { inodesFree: fs.inodes.available, inodes: fs.inodes.capacity }),
    ...(used?.inodes === undefined ? {} : { inodesUsed: used.inodes }),
  };
}

/** What is used of a whole file system. */
function whole({ bytes, inodes }: FileSystemStats): { readonly bytes: number; readonly inodes: number | undefined } {
  return {
    bytes: bytes.capacity - bytes.available,
    inodes: inodes === undefined ? undefined : inodes.capacity - inodes.available,
  };
}

function timeOf(time: number): string {
  return new Date(Number.isNaN(time) ? 0 : time).toISOString().replace(/\.\d+Z$/, 'Z');
}

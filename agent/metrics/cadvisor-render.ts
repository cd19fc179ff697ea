import { type Family, type Labels, type MetricType, renderFamilies, type Sample } from '../../cni/index.ts';
import type { FileSystemStats } from '../stats/index.ts';
import { cgroupMetrics, specMetrics } from './cadvisor-table.ts';
import type { NetCounters, NetDevice } from './net-dev.ts';
import type { CgroupSample, ContainerObservation, Observation, PodObservation } from './types.ts';

/*
 * `/metrics/cadvisor`: container_* of every cgroup that a kubelet since 1.24 tells of (cadvisor: metrics/prometheus.go) with
 * the labels of `containerPrometheusLabelsFunc` (pkg/kubelet/server/server.go):
 *
 *   the node and its daemons:  id
 *   a pod:                     id, namespace, pod
 *   its sandbox:               the same, with image and name; the network of the pod is here
 *   a container:               the same, with container
 *
 * A family has the same labels everywhere; those that do not apply are empty.
 */

/** A cgroup with its labels. */
interface Row {
  readonly labels: Labels;
  readonly cgroup: CgroupSample;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly processes: number | undefined;
  readonly network: readonly NetDevice[];
}

/** @param fileSystems by device, those of the node */
export function renderCadvisorMetrics(
  observation: Observation,
  fileSystems: ReadonlyMap<string, FileSystemStats>,
): string {
  const rows = rowsOf(observation);
  return renderFamilies([
    ...cgroupMetrics.map(({ name, type, help, labels, value }) => ({
      ...{ name, type, help },
      samples: rows.flatMap((row) => sampleOf(row, value(row.cgroup), row.cgroup.time, labels)),
    })),
    ...specMetrics.map(({ name, type, help, value }) => ({
      ...{ name, type, help },
      samples: rows.flatMap((row) => sampleOf(row, value(row.cgroup), undefined)),
    })),
    ...processFamilies(rows),
    ...networkFamilies(rows),
    ...fileSystemFamilies(observation.node.cgroup.time, fileSystems),
    ...machineFamilies(observation),
  ]);
}

function sampleOf(row: Row, value: number | undefined, time: number | undefined, labels?: Labels): readonly Sample[] {
  if (value === undefined) return [];
  return [{ labels: labels === undefined ? row.labels : { ...labels, ...row.labels }, value, time }];
}

function rowsOf({ node, pods }: Observation): readonly Row[] {
  const plain = { processes: undefined, network: [], startedAt: node.bootedAt };
  return [
    { ...plain, labels: labelsOf('/'), cgroup: node.cgroup, network: node.network },
    ...node.systems.map(({ path, cgroup }) => ({ ...plain, labels: labelsOf(path), cgroup })),
    ...pods.flatMap(podRows),
  ];
}

function podRows({ pod, path, cgroup, startedAt, sandbox, containers, network }: PodObservation): readonly Row[] {
  const { name, namespace } = pod.metadata;
  const ofPod = { namespace, pod: name };
  const rowOf = (container: ContainerObservation, devices: readonly NetDevice[]): Row => {
    const { kind, image, runtimeName } = container.listed;
    const own = { container: kind === 'sandbox' ? '' : container.listed.name, image, name: runtimeName };
    return { ...container, labels: labelsOf(container.path, { ...ofPod, ...own }), network: devices };
  };
  return [
    { labels: labelsOf(path, ofPod), cgroup, startedAt, processes: undefined, network: [] },
    ...(sandbox === undefined ? [] : [rowOf(sandbox, network ?? [])]),
    ...containers.map((container) => rowOf(container, [])),
  ];
}

function labelsOf(path: string, labels: Labels = {}): Labels {
  const id = path.startsWith('/') ? path : `/${path}`;
  return { container: '', id, image: '', name: '', namespace: '', pod: '', ...labels };
}

function processFamilies(rows: readonly Row[]): readonly Family[] {
  const starts = rows.map(({ labels, startedAt }) => ({ labels, value: Math.floor(startedAt / 1_000) }));
  const seen = rows.map(({ labels, cgroup: { time } }) => ({ labels, value: Math.floor(time / 1_000), time }));
  const processes = rows.flatMap((row) => sampleOf(row, row.processes, row.cgroup.time));
  return [
    gauge('container_start_time_seconds', 'Start time of the container since unix epoch in seconds.', starts),
    gauge('container_last_seen', 'Last time a container was seen by the exporter', seen),
    gauge('container_processes', 'Number of processes running inside the container.', processes),
  ];
}

const networkKinds: readonly (readonly [keyof NetCounters, name: string, help: string])[] = [
  ['bytes', 'bytes', 'Bytes'],
  ['packets', 'packets', 'Packets'],
  ['errors', 'errors', 'Errors of packets'],
  ['dropped', 'packets_dropped', 'Dropped packets'],
];

function networkFamilies(rows: readonly Row[]): readonly Family[] {
  const of = (direction: 'receive' | 'transmit'): readonly Family[] =>
    networkKinds.map(([field, name, help]) => ({
      name: `container_network_${direction}_${name}_total`,
      type: 'counter',
      help: `${help} of the ${direction} side of a network device.`,
      samples: rows.flatMap((row) =>
        row.network.flatMap((device) =>
          sampleOf(row, device[direction][field], row.cgroup.time, { interface: device.name }),
        ),
      ),
    }));
  return [...of('receive'), ...of('transmit')];
}

function fileSystemFamilies(time: number, fileSystems: ReadonlyMap<string, FileSystemStats>): readonly Family[] {
  const family = (name: string, help: string, value: (fs: FileSystemStats) => number | undefined): Family =>
    gauge(
      `container_fs_${name}`,
      help,
      [...fileSystems].flatMap(([device, fs]) => {
        const measured = value(fs);
        return measured === undefined ? [] : [{ labels: { device, ...labelsOf('/') }, value: measured, time }];
      }),
    );
  return [
    family('limit_bytes', 'Bytes of the file system.', ({ bytes }) => bytes.capacity),
    family('usage_bytes', 'Bytes used of the file system.', ({ bytes }) => bytes.capacity - bytes.available),
    family('inodes_total', 'Inodes of the file system.', ({ inodes }) => inodes?.capacity),
    family('inodes_free', 'Free inodes of the file system.', ({ inodes }) => inodes?.available),
  ];
}

function machineFamilies({ node }: Observation): readonly Family[] {
  return [
    gauge('machine_cpu_cores', 'Number of logical CPU cores.', [{ labels: {}, value: node.cores }]),
    gauge('machine_memory_bytes', 'Memory of the machine.', [{ labels: {}, value: node.memoryCapacity }]),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  const type: MetricType = 'gauge';
  return { name, type, help, samples };
}

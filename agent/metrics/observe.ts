import { posix } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type CgroupSettings, podCgroupPath, qosCgroupPath } from '../cgroups/names.ts';
import { parseMeminfo } from '../node/resources-plan.ts';
import { qosClass } from '../objects/qos.ts';
import type { Pod } from '../objects/types.ts';
import { type CgroupSampler, readIfThere } from './cgroup-sampler.ts';
import type { ListContainers, ListedContainer } from './containers.ts';
import { type NetDevice, parseDefaultDevice, parseNetDev } from './net-dev.ts';
import { groupByPod, newestRunning, startTimes } from './pods-plan.ts';
import type {
  ContainerObservation,
  KnownPod,
  NodeObservation,
  Observation,
  PodObservation,
  SystemObservation,
} from './types.ts';

export interface ObserverDeps {
  readonly cgroups: CgroupSampler;
  readonly cgroupSettings: () => CgroupSettings;
  /** `/proc` */
  readonly procRoot: string;
  readonly pods: () => readonly KnownPod[];
  readonly containers: ListContainers;
  /** Cgroups of the daemons, as paths below a mount point; undefined where they have none of their own. */
  readonly systemCgroups: { readonly kubelet: string | undefined; readonly runtime: string | undefined };
}

export interface Depth {
  /** Sandboxes, networks and numbers of processes too. */
  readonly sandboxes: boolean;
  /**
   * What only `/metrics/cadvisor` tells, of containers, of the node and its daemons. Nobody looks for the throttling of a
   * sandbox, and every file costs.
   */
  readonly details: boolean;
}

/** Measures the node and its pods: one list call, and a few small files a cgroup. */
export async function observe(deps: ObserverDeps, depth: Depth, signal: AbortSignal): Promise<Observation> {
  const listed = await deps.containers(signal);
  const byPod = groupByPod(listed);
  const pods: PodObservation[] = [];
  for (const known of deps.pods()) {
    const running = newestRunning(byPod.get(known.pod.metadata.uid) ?? []);
    if (running.length === 0) continue;
    pods.push(observePod(deps, depth, known, running));
    // The files are read in this thread: others must not wait for all of them.
    await setImmediate();
    signal.throwIfAborted();
  }
  const node = observeNode(deps, depth);
  deps.cgroups.retain(new Set(['', ...pathsOf(pods), ...node.systems.map(({ path }) => path)]));
  return { node, pods, listed };
}

function pathsOf(pods: readonly PodObservation[]): readonly string[] {
  return pods.flatMap(({ path, sandbox, containers }) => [
    path,
    ...(sandbox === undefined ? [] : [sandbox.path]),
    ...containers.map((container) => container.path),
  ]);
}

function observePod(
  deps: ObserverDeps,
  depth: Depth,
  { pod, status }: KnownPod,
  running: readonly ListedContainer[],
): PodObservation {
  const path = cgroupOf(deps.cgroupSettings(), pod);
  const startedAt = startTimes(status);
  const observeOne = (listed: ListedContainer): ContainerObservation =>
    observeContainer(deps, depth, listed, path, startedAt.get(listed.id) ?? listed.createdAt);
  const sandbox = running.find(({ kind }) => kind === 'sandbox');
  const observed = depth.sandboxes && sandbox !== undefined ? observeOne(sandbox) : undefined;
  return {
    pod,
    path,
    startedAt: sandbox?.createdAt ?? Date.parse(status?.startTime ?? ''),
    cgroup: deps.cgroups.sample(path, false),
    sandbox: observed,
    containers: running.filter(({ kind }) => kind === 'container').map(observeOne),
    network: observed === undefined || observed.listed.hostNetwork ? undefined : podNetwork(deps, observed.path),
  };
}

function observeContainer(
  { cgroups, cgroupSettings }: ObserverDeps,
  depth: Depth,
  listed: ListedContainer,
  podPath: string,
  startedAt: number,
): ContainerObservation {
  const directory = cgroupSettings().driver === 'systemd' ? `docker-${listed.id}.scope` : listed.id;
  const path = posix.join(podPath, directory);
  return {
    ...{ listed, startedAt, path },
    cgroup: cgroups.sample(path, depth.details && listed.kind === 'container'),
    processes: depth.sandboxes ? cgroups.processes(path).length : undefined,
  };
}

/** The sandbox's process is in the network of the pod. */
function podNetwork({ cgroups, procRoot }: ObserverDeps, sandboxPath: string): readonly NetDevice[] | undefined {
  const [pid] = cgroups.processes(sandboxPath);
  const text = pid === undefined ? undefined : readIfThere(posix.join(procRoot, String(pid), 'net/dev'));
  return text === undefined ? undefined : parseNetDev(text);
}

function observeNode(
  { cgroups, cgroupSettings, procRoot, systemCgroups }: ObserverDeps,
  depth: Depth,
): NodeObservation {
  const proc = (file: string): string => readIfThere(posix.join(procRoot, file)) ?? '';
  const system = (name: SystemObservation['name'], path: string | undefined): readonly SystemObservation[] =>
    path === undefined ? [] : [{ name, path, cgroup: cgroups.sample(path, depth.details) }];
  const stat = proc('stat');
  return {
    bootedAt: Number(/^btime (\d+)$/m.exec(stat)?.[1] ?? 0) * 1_000,
    cgroup: cgroups.sample('', depth.details),
    memoryCapacity: parseMeminfo(proc('meminfo'), 'MemTotal') ?? 0,
    cores: stat.match(/^cpu\d+ /gm)?.length ?? 1,
    systems: [
      ...system('kubelet', systemCgroups.kubelet),
      ...system('runtime', systemCgroups.runtime),
      ...system('pods', qosCgroupPath(cgroupSettings(), 'Guaranteed')),
    ],
    network: parseNetDev(proc('1/net/dev') || proc('net/dev')),
    defaultDevice: parseDefaultDevice(proc('1/net/route') || proc('net/route')),
  };
}

function cgroupOf(settings: CgroupSettings, pod: Pod): string {
  return podCgroupPath(settings, qosClass(pod), pod.metadata.uid);
}

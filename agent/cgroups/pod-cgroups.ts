import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Exec } from '../../cni/index.ts';
import type { Clock } from '../clock.ts';
import { qosClass } from '../objects/qos.ts';
import type { Pod } from '../objects/types.ts';
import type { Log } from '../pods/deps.ts';
import { createCgroupFiles, writeCgroupFile } from './files.ts';
import { type CgroupVersion, renderFiles } from './files-render.ts';
import { readLimits, widen } from './limits.ts';
import {
  type CgroupSettings,
  podCgroupParent,
  podCgroupPath,
  podUidOfCgroup,
  qosCgroupName,
  qosCgroupPath,
  type QosClass,
} from './names.ts';
import { ignoreMissing, removeCgroupTree } from './remove-tree.ts';
import {
  type CgroupResources,
  podCgroupResources,
  type PodCgroupOptions,
  qosCgroupResources,
} from './resources-plan.ts';
import { renderRemoveSlice, renderSetProperty } from './systemd-render.ts';

/** The cgroups of pods and of their classes. All calls may be repeated; what has not changed costs no system call. */
export interface PodCgroups {
  /** Gives the groups of the classes what the pods of this node need together. */
  ensureQos(pods: readonly Pod[], signal: AbortSignal): Promise<void>;
  /** Makes a pod's cgroup, or brings it up to date when its containers have been resized. */
  ensurePod(pod: Pod, signal: AbortSignal): Promise<void>;
  /**
   * Widens a pod's cgroup, where needed, so that its containers fit in as they are and as the pod wants them: to be called
   * before they change. cgroup v1 refuses a CPU quota beyond the parent's.
   */
  raisePod(pod: Pod, signal: AbortSignal): Promise<void>;
  /**
   * Has the kernel kill a container that runs out of memory as a whole, on cgroup v2 and unless `singleProcessOomKill`
   * (`memory.oom.group`; kubelet: `generateLinuxContainerResources`). Docker cannot be asked for it, so this follows the
   * container's start. A container that has ended already is none.
   */
  groupOomKill(pod: Pod, containerId: string): Promise<void>;
  /** Kills what is left of a pod, whatever its class was, and removes its cgroup. */
  removePod(uid: string, signal: AbortSignal): Promise<void>;
  /** UIDs of the pods that have a cgroup, for finding those that nobody wants any more. */
  podUids(): Promise<readonly string[]>;
}

export interface PodCgroupsDeps extends PodCgroupOptions {
  /** The driver is the runtime's, which is known only once it answers. */
  readonly settings: () => CgroupSettings;
  readonly version: CgroupVersion;
  /** Mount point; default `/sys/fs/cgroup`. */
  readonly root?: string;
  /** For all pods together, see `kubepodsResources`. */
  readonly kubepods: CgroupResources;
  /** The kubelet's `singleProcessOOMKill`; default false. On cgroup v1 there is nothing else. */
  readonly singleProcessOomKill?: boolean;
  /** Runs `systemctl` for the systemd driver. */
  readonly exec: Exec;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
}

interface Group {
  readonly name: string;
  readonly path: string;
}

const qosClasses: readonly QosClass[] = ['Guaranteed', 'Burstable', 'BestEffort'];

/** {@link PodCgroups} on the kernel's file system, or through systemd. */
export function createPodCgroups(deps: PodCgroupsDeps): PodCgroups {
  const { settings, version, root = '/sys/fs/cgroup', clock } = deps;
  const files = createCgroupFiles({ version, root, log: deps.log });
  const slices = createSlices(deps);
  /** What pods were last given for good, by path. */
  const settled = new Map<string, CgroupResources>();

  const apply = async ({ name, path }: Group, resources: CgroupResources, signal: AbortSignal): Promise<void> => {
    if (settings().driver === 'cgroupfs') return files.write(path, renderFiles(version, resources));
    await slices.set(name, resources, signal);
    const rest = renderFiles(version, resources).filter(({ controller }) => controller === 'hugetlb');
    if (rest.length > 0) await files.write(path, rest);
  };

  return {
    ensureQos: async (pods, signal) => {
      const qos = qosCgroupResources(pods, deps.kubepods);
      await apply(qosGroup(settings(), 'Guaranteed'), qos.kubepods, signal);
      await apply(qosGroup(settings(), 'Burstable'), qos.burstable, signal);
      await apply(qosGroup(settings(), 'BestEffort'), qos.bestEffort, signal);
    },
    ensurePod: async (pod, signal) => {
      const group = podGroup(settings(), qosClass(pod), pod.metadata.uid);
      const resources = podCgroupResources(pod, deps);
      await apply(group, resources, signal);
      settled.set(group.path, resources);
    },
    raisePod: async (pod, signal) => {
      const group = podGroup(settings(), qosClass(pod), pod.metadata.uid);
      const resources = podCgroupResources(pod, deps);
      if (isDeepStrictEqual(settled.get(group.path), resources)) return;
      await apply(group, widen(resources, await readLimits(version, root, group.path)), signal);
    },
    groupOomKill: async (pod, containerId) => {
      if (version === 1 || deps.singleProcessOomKill === true) return;
      const { path } = podGroup(settings(), qosClass(pod), pod.metadata.uid);
      const directory = settings().driver === 'systemd' ? `docker-${containerId}.scope` : containerId;
      await writeCgroupFile(join(root, path, directory, 'memory.oom.group'), '1').catch(ignoreMissing);
    },
    removePod: async (uid, signal) => {
      const hierarchies = await hierarchyRoots(version, root);
      for (const group of qosClasses.map((qos) => podGroup(settings(), qos, uid))) {
        const directories = hierarchies.map((hierarchy) => join(hierarchy, group.path));
        if (settings().driver === 'systemd' && directories.some(existsSync)) await slices.remove(group.name, signal);
        await Promise.all(directories.map((directory) => removeCgroupTree(directory, clock, signal)));
        files.forget(group.path);
        settled.delete(group.path);
      }
    },
    podUids: async () => {
      const paths = qosClasses.map((qos) => qosCgroupPath(settings(), qos));
      const hierarchies = await hierarchyRoots(version, root);
      const groups = hierarchies.flatMap((hierarchy) => paths.map((path) => join(hierarchy, path)));
      const names = (await Promise.all(groups.map(namesIn))).flat();
      return [...new Set(names.flatMap((name) => podUidOfCgroup(settings(), name) ?? []))];
    },
  };
}

function qosGroup(settings: CgroupSettings, qos: QosClass): Group {
  return { name: qosCgroupName(settings, qos), path: qosCgroupPath(settings, qos) };
}

function podGroup(settings: CgroupSettings, qos: QosClass, uid: string): Group {
  return { name: podCgroupParent(settings, qos, uid), path: podCgroupPath(settings, qos, uid) };
}

interface Slices {
  set(slice: string, resources: CgroupResources, signal: AbortSignal): Promise<void>;
  remove(slice: string, signal: AbortSignal): Promise<void>;
}

function createSlices({ exec, version }: Pick<PodCgroupsDeps, 'exec' | 'version'>): Slices {
  /** Arguments of the last call, by slice. */
  const known = new Map<string, string>();
  return {
    set: async (slice, resources, signal) => {
      const args = renderSetProperty(version, slice, resources);
      if (args === undefined || known.get(slice) === args.join(' ')) return;
      await exec({ file: 'systemctl', args }, signal);
      known.set(slice, args.join(' '));
    },
    remove: async (slice, signal) => {
      known.delete(slice);
      for (const args of renderRemoveSlice(slice)) await exec({ file: 'systemctl', args }, signal);
    },
  };
}

/** The top directories that a cgroup's path can be below: one, or on v1 one a controller. */
async function hierarchyRoots(version: CgroupVersion, root: string): Promise<readonly string[]> {
  if (version === 2) return [root];
  const entries = await readdir(root, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(root, entry.name));
}

async function namesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

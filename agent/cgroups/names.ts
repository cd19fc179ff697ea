import { posix } from 'node:path';
import type { CgroupVersion } from './files-render.ts';

export type CgroupDriver = 'cgroupfs' | 'systemd';
export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

export interface CgroupSettings {
  readonly driver: CgroupDriver;
  /** The kubelet's `cgroupRoot`; empty or `/` for the root of the hierarchy. */
  readonly root: string;
  /** False: pods have no cgroups of their own. The kubelet's `cgroupsPerQOS`; default true. */
  readonly perQos?: boolean;
}

/** Pods with guaranteed resources stand directly under `kubepods`, the others in a group of their class. */
const qosDirectory: Readonly<Record<QosClass, string | undefined>> = {
  Guaranteed: undefined,
  Burstable: 'burstable',
  BestEffort: 'besteffort',
};

/** Path of no pod's cgroup may lead out of its parent. */
const uidPattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** The components of a class's cgroup name, before a driver writes them down. */
function qosCgroupComponents(root: string, qos: QosClass): string[] {
  const qosName = qosDirectory[qos];
  const rootComponents = root.split('/').filter((part) => part !== '');
  return [...rootComponents, 'kubepods', ...(qosName === undefined ? [] : [qosName])];
}

/** The components of a pod's cgroup name (kubelet: `GetPodContainerName`). */
function podCgroupComponents(root: string, qos: QosClass, uid: string): string[] {
  if (!uidPattern.test(uid)) throw new Error(`pod UID ${JSON.stringify(uid)} cannot name a cgroup`);
  return [...qosCgroupComponents(root, qos), `pod${uid}`];
}

/**
 * The cgroup parent of a pod's containers as Docker takes it: a path for the cgroupfs driver
 * (`/kubepods/burstable/pod<uid>`), a slice for systemd (`kubepods-burstable-pod<uid>.slice`, `-` in names as `_`).
 */
export function podCgroupParent(settings: CgroupSettings, qos: QosClass, uid: string): string {
  return nameOf(settings, podCgroupComponents(settings.root, qos, uid));
}

/** The pod's cgroup as a path below each controller's mount point. */
export function podCgroupPath(settings: CgroupSettings, qos: QosClass, uid: string): string {
  return pathOf(settings, podCgroupComponents(settings.root, qos, uid));
}

/** The cgroup of a class, in the form of {@link podCgroupParent}; that of `Guaranteed` is the parent of the others. */
export function qosCgroupName(settings: CgroupSettings, qos: QosClass): string {
  return nameOf(settings, qosCgroupComponents(settings.root, qos));
}

/** The cgroup of a class as a path below each controller's mount point. */
export function qosCgroupPath(settings: CgroupSettings, qos: QosClass): string {
  return pathOf(settings, qosCgroupComponents(settings.root, qos));
}

/**
 * Where the files of a cgroup are: on cgroup v1 each controller has a hierarchy.
 *
 * @param root mount point: `/sys/fs/cgroup`
 * @param path below the mount point of the controller; empty for the root
 */
export function cgroupDirectory(version: CgroupVersion, root: string, controller: string, path: string): string {
  return version === 1 ? posix.join(root, controller, path) : posix.join(root, path);
}

/** The UID of the pod whose cgroup has this directory name below the group of a class; undefined for other directories. */
export function podUidOfCgroup({ driver }: CgroupSettings, directory: string): string | undefined {
  if (driver === 'cgroupfs') return /^pod(.+)$/.exec(directory)?.[1];
  return /-pod([^-]+)\.slice$/.exec(directory)?.[1]?.replaceAll('_', '-');
}

function nameOf({ driver }: CgroupSettings, components: readonly string[]): string {
  return driver === 'systemd' ? sliceName(components) : `/${components.join('/')}`;
}

function pathOf({ driver }: CgroupSettings, components: readonly string[]): string {
  if (driver === 'cgroupfs') return components.join('/');
  return posix.join(...components.map((_, index) => sliceName(components.slice(0, index + 1))));
}

function sliceName(components: readonly string[]): string {
  return `${components.map((component) => component.replaceAll('-', '_')).join('-')}.slice`;
}

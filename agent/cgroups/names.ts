import { posix } from 'node:path';

export type CgroupDriver = 'cgroupfs' | 'systemd';
export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

export interface CgroupSettings {
  readonly driver: CgroupDriver;
  /** The kubelet's `cgroupRoot`; empty or `/` for the root of the hierarchy. */
  readonly root: string;
}

/** Pods with guaranteed resources stand directly under `kubepods`, the others in a group of their class. */
const qosDirectory: Readonly<Record<QosClass, string | undefined>> = {
  Guaranteed: undefined,
  Burstable: 'burstable',
  BestEffort: 'besteffort',
};

/** The components of a pod's cgroup name, before a driver writes them down (kubelet: `GetPodContainerName`). */
function podCgroupComponents(root: string, qos: QosClass, uid: string): string[] {
  const qosName = qosDirectory[qos];
  const rootComponents = root.split('/').filter((part) => part !== '');
  return [...rootComponents, 'kubepods', ...(qosName === undefined ? [] : [qosName]), `pod${uid}`];
}

/**
 * The cgroup parent of a pod's containers as Docker takes it: a path for the cgroupfs driver
 * (`/kubepods/burstable/pod<uid>`), a slice for systemd (`kubepods-burstable-pod<uid>.slice`, `-` in names as `_`).
 */
export function podCgroupParent(settings: CgroupSettings, qos: QosClass, uid: string): string {
  const components = podCgroupComponents(settings.root, qos, uid);
  return settings.driver === 'systemd' ? sliceName(components) : `/${components.join('/')}`;
}

/** The pod's cgroup as a path below each controller's mount point. */
export function podCgroupPath(settings: CgroupSettings, qos: QosClass, uid: string): string {
  const components = podCgroupComponents(settings.root, qos, uid);
  if (settings.driver === 'cgroupfs') return components.join('/');
  return posix.join(...components.map((_, index) => sliceName(components.slice(0, index + 1))));
}

function sliceName(components: readonly string[]): string {
  return `${components.map((component) => component.replaceAll('-', '_')).join('-')}.slice`;
}

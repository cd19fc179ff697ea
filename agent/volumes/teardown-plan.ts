import { dirname } from 'node:path';
import { type MountInfo, mountsWithin } from './mountinfo.ts';
import { imageVolumesDir, localVolumesDir, memoryVolumeDirs, nfsVolumesDir, subPathsDir } from './paths.ts';

/** What the place of a mount and its file system tell. */
type Mount = Pick<MountInfo, 'mountPoint' | 'fsType'>;

/** How the mounts of a pod's directory are taken off. */
export interface TeardownPlan {
  /** Somebody else's; with one of these nothing may be done. */
  readonly foreign: readonly Mount[];
  /**
   * Binds with mounts of the host's below them, which came in by propagation. The host's mounts and these are peers: to
   * take one off takes the other off too, unless the bind is made private first (mount_namespaces(7)).
   */
  readonly detach: readonly string[];
  /** In this order. */
  readonly unmount: readonly string[];
}

/**
 * Sorts the mounts below a pod's directory. A mount is ours by its place, and by its file system where that is known: no
 * record is kept, so a daemon that was killed leaves no mount that its successor does not know.
 *
 * @param mounts in the order in which they were made where they lie over each other
 * @param podDir without symbolic links
 */
export function planTeardown(mounts: readonly Mount[], podDir: string): TeardownPlan {
  const within = mountsWithin(mounts, podDir);
  const binds = new Set(within.filter((mount) => isBind(mount, podDir)).map(({ mountPoint }) => mountPoint));
  const bindAbove = ({ mountPoint }: Mount): string | undefined =>
    [...binds].find((bind) => mountPoint.startsWith(`${bind}/`));
  const isBound = (mount: Mount): boolean => binds.has(mount.mountPoint) || bindAbove(mount) !== undefined;
  const volumes = within.filter((mount) => !isBound(mount));
  // Binds come off before the volumes that they show, and of what lies over each other the last one made.
  const order = [...within.filter(isBound).toReversed(), ...volumes.toReversed()];
  return {
    foreign: volumes.filter((mount) => !isVolume(mount, podDir)),
    detach: [...new Set(within.flatMap((mount) => bindAbove(mount) ?? []))],
    unmount: order.map(({ mountPoint }) => mountPoint),
  };
}

/** A part of a volume that was bound for a container, or a local volume. */
function isBind({ mountPoint }: Mount, podDir: string): boolean {
  const subPaths = `${subPathsDir(podDir)}/`;
  const isSubPath = mountPoint.startsWith(subPaths) && /^[^/]+\/[^/]+\/\d+$/.test(mountPoint.slice(subPaths.length));
  return isSubPath || dirname(mountPoint) === localVolumesDir(podDir);
}

function isVolume({ fsType, mountPoint }: Mount, podDir: string): boolean {
  const directory = dirname(mountPoint);
  if (fsType === 'tmpfs') return memoryVolumeDirs(podDir).includes(directory);
  if (fsType === 'overlay') return directory === imageVolumesDir(podDir);
  return (fsType === 'nfs' || fsType === 'nfs4') && directory === nfsVolumesDir(podDir);
}

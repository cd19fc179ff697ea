import { join } from 'node:path';
import type { Volume } from '../objects/types.ts';

/** Directory of a volume plugin of the kubelet's, e.g. `kubernetes.io/empty-dir` with `/` written as `~`. */
function pluginDir(podDir: string, plugin: string): string {
  return join(volumesDir(podDir), `kubernetes.io~${plugin}`);
}

/** Plugins whose volumes are made from objects. */
export type ContentPlugin = 'configmap' | 'secret' | 'downward-api' | 'projected';

/** The plugin of a volume that is made from objects; undefined for another volume. */
export function contentPlugin(volume: Volume): ContentPlugin | undefined {
  if (volume.configMap !== undefined) return 'configmap';
  if (volume.secret !== undefined) return 'secret';
  if (volume.downwardAPI !== undefined) return 'downward-api';
  return volume.projected === undefined ? undefined : 'projected';
}

export function contentPath(podDir: string, plugin: ContentPlugin, volume: string): string {
  return join(pluginDir(podDir, plugin), segment('volume name', volume));
}

/** Directories whose entries are mount points of a tmpfs. */
export function memoryVolumeDirs(podDir: string): readonly string[] {
  return ['empty-dir', 'secret', 'downward-api', 'projected'].map((plugin) => pluginDir(podDir, plugin));
}

/** The pods' directories, laid out as the kubelet's (`kubelet_getters.go`). */
export function podsDir(rootDir: string): string {
  return join(rootDir, 'pods');
}

/** Which claim has which volume, standing alone. Not of the kubelet's. */
export function claimsFile(rootDir: string): string {
  return join(rootDir, 'podwright', 'claims.json');
}

/** `<rootDir>/pods/<uid>` */
export function podDir(rootDir: string, uid: string): string {
  return join(podsDir(rootDir), segment('pod UID', uid));
}

/** `volumes` of a pod's directory: one directory a plugin, and in it one a volume. */
export function volumesDir(podDir: string): string {
  return join(podDir, 'volumes');
}

export function pluginsDir(podDir: string): string {
  return join(podDir, 'plugins');
}

/** Where the container's termination log lives. */
export function containerDir(podDir: string, container: string): string {
  return join(podDir, 'containers', segment('container name', container));
}

/** The file that containers see as `/etc/hosts`. */
export function etcHostsFile(podDir: string): string {
  return join(podDir, 'etc-hosts');
}

export function emptyDirPath(podDir: string, volume: string): string {
  return join(pluginDir(podDir, 'empty-dir'), segment('volume name', volume));
}

/** Says that an emptyDir has been set up, as the kubelet's does. */
export function emptyDirReadyFile(podDir: string, volume: string): string {
  return join(pluginsDir(podDir), 'kubernetes.io~empty-dir', segment('volume name', volume), 'ready');
}

export function nfsVolumesDir(podDir: string): string {
  return pluginDir(podDir, 'nfs');
}

/** @param name of the volume, or of the PersistentVolume behind a claim */
export function nfsVolumePath(podDir: string, name: string): string {
  return join(nfsVolumesDir(podDir), segment('volume name', name));
}

export function imageVolumesDir(podDir: string): string {
  return pluginDir(podDir, 'image');
}

export function imageVolumePath(podDir: string, volume: string): string {
  return join(imageVolumesDir(podDir), segment('volume name', volume));
}

/** Links to the layers of an image that is mounted. */
export function imageLayersDir(podDir: string, volume: string): string {
  return join(pluginsDir(podDir), 'kubernetes.io~image', segment('volume name', volume));
}

/** Local PersistentVolumes, bound here by their names. */
export function localVolumesDir(podDir: string): string {
  return pluginDir(podDir, 'local-volume');
}

export function localVolumePath(podDir: string, name: string): string {
  return join(localVolumesDir(podDir), segment('volume name', name));
}

/** Where parts of volumes are bound: `<volume>/<container>/<index of the volumeMount>`. */
export function subPathsDir(podDir: string): string {
  return join(podDir, 'volume-subpaths');
}

export function subPathTarget(podDir: string, volume: string, container: string, index: number): string {
  return join(subPathsDir(podDir), segment('volume name', volume), segment('container name', container), String(index));
}

/**
 * `name`, when it is one harmless path segment. Validation has refused all other names before; this is the lock on the
 * door, because what these paths name is written to and removed as root.
 */
function segment(what: string, name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/.test(name)) {
    throw new Error(`${what} ${JSON.stringify(name)} cannot be a directory name`);
  }
  return name;
}

/** Whether a path without `..` is a directory or in it. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
}

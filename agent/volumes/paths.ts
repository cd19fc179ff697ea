import { join } from 'node:path';

/** Directory of the kubelet's emptyDir plugin: `kubernetes.io/empty-dir` with `/` written as `~`. */
const EMPTY_DIR_PLUGIN = 'kubernetes.io~empty-dir';

/** The pods' directories, laid out as the kubelet's (`kubelet_getters.go`). */
export function podsDir(rootDir: string): string {
  return join(rootDir, 'pods');
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

export function emptyDirsDir(podDir: string): string {
  return join(volumesDir(podDir), EMPTY_DIR_PLUGIN);
}

export function emptyDirPath(podDir: string, volume: string): string {
  return join(emptyDirsDir(podDir), segment('volume name', volume));
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

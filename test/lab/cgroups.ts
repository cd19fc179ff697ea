import { existsSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const mountPoint = '/sys/fs/cgroup';

/** The directories of cgroup `path` (`/pw-…`): one a controller on cgroup v1, one in all on v2. */
export function cgroupDirectories(path: string): readonly string[] {
  const controllers = readdirSync(mountPoint, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const roots = [mountPoint, ...controllers.map((entry) => join(mountPoint, entry.name))];
  return roots.map((root) => join(root, path)).filter((directory) => existsSync(directory));
}

/** The cgroup's directory and all below it, children before their parents. */
export function cgroupTree(directory: string): readonly string[] {
  const children = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...children.flatMap((entry) => cgroupTree(join(directory, entry.name))), directory];
}

/** The names of the lab's cgroups on this machine. */
export function labCgroups(): readonly string[] {
  const controllers = readdirSync(mountPoint, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const names = controllers.flatMap((entry) => readdirSync(join(mountPoint, entry.name)));
  return [...new Set([...names, ...controllers.map((entry) => entry.name)])].filter((name) => name.startsWith('pw-'));
}

/** A frozen process (a paused container) does not die of SIGKILL on cgroup v1 until it is thawed. */
export function thaw(path: string): void {
  for (const directory of cgroupDirectories(path).flatMap(cgroupTree)) {
    const state = join(directory, 'freezer.state');
    if (existsSync(state)) writeFileSync(state, 'THAWED');
  }
}

/** Removes the cgroup and all below it. Its processes must be gone. */
export function removeCgroup(path: string): void {
  for (const directory of cgroupDirectories(path).flatMap(cgroupTree)) rmdirSync(directory);
}

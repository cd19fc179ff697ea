import type { CgroupVersion } from '../cgroups/files-render.ts';

/**
 * The cgroup of a process from its `/proc/<pid>/cgroup` as a path below a mount point; undefined for the root, which is
 * nobody's own.
 */
export function parseProcessCgroup(text: string, version: CgroupVersion): string | undefined {
  const rows = text.split('\n').map((line) => /^\d+:([^:]*):(.*)$/.exec(line) ?? []);
  const row = rows.find(([, controllers = '-']) =>
    version === 2 ? controllers === '' : controllers.split(',').includes('memory'),
  );
  const path = row?.[2];
  // What is outside of this process's cgroup namespace cannot be found below the mount point.
  return path === undefined || path === '/' || path.startsWith('/..') ? undefined : path.slice(1);
}

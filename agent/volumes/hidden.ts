import { mkdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mount } from '../runtime/types.ts';
import { type HiddenDirectory, type MountSource, planHidden } from './hidden-plan.ts';
import type { PlannedMount } from './mounts-plan.ts';
import { isWithin } from './paths.ts';

/**
 * {@link planHidden} for mounts as they are planned; nothing when the directory is not there, or open to others than root.
 *
 * @param podDir what is mounted from there was made for the pod, and its sub-paths do not lead out of it
 */
export async function hiddenMounts(
  planned: readonly PlannedMount[],
  podDir: string,
  { path, empty }: HiddenDirectory,
): Promise<readonly Mount[]> {
  const ofHost = planned.filter(({ mount }) => !isWithin(mount.hostPath, podDir));
  if (ofHost.length === 0 || !(await isForRootOnly(path))) return [];
  const [mounts, real] = await Promise.all([Promise.all(ofHost.map(sourceOf)), realpath(path)]);
  const hidden = planHidden(mounts, { path: real, empty });
  if (hidden.length > 0) await mkdir(empty, { recursive: true, mode: 0o755 });
  return hidden;
}

/** A directory that others use, such as /run, is not the socket's alone. */
async function isForRootOnly(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats !== undefined && (stats.mode & 0o077) === 0;
}

async function sourceOf({ mount, subPath = '' }: PlannedMount): Promise<MountSource> {
  const path = join(mount.hostPath, subPath);
  // What is not there yet has no links: the runtime makes it.
  return { source: await realpath(path).catch(() => path), containerPath: mount.containerPath };
}

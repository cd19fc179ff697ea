import type { Exec } from '../../cni/index.ts';
import type { Mount } from '../runtime/types.ts';
import type { PlannedMount } from './mounts-plan.ts';
import { subPathTarget } from './paths.ts';
import { bindSubPath } from './sub-path.ts';

/**
 * Makes what a container's mounts need on the host: the binds of their sub-paths.
 *
 * @throws Error that tells nothing of the host's files, as the kubelet's: who writes a manifest need not know them. They are
 *   in the cause.
 */
export async function ensureMounts(
  planned: readonly PlannedMount[],
  container: string,
  podDir: string,
  exec: Exec,
  signal: AbortSignal,
): Promise<readonly Mount[]> {
  const mounts: Mount[] = [];
  for (const { mount, volume, index, subPath } of planned) {
    if (subPath === undefined) {
      mounts.push(mount);
      continue;
    }
    const target = subPathTarget(podDir, volume, container, index);
    try {
      await bindSubPath({ volumePath: mount.hostPath, path: subPath, target }, exec, signal);
    } catch (cause) {
      signal.throwIfAborted();
      const what = `volumeMount ${JSON.stringify(volume)} of container ${JSON.stringify(container)}`;
      throw new Error(`failed to prepare subPath for ${what}`, { cause });
    }
    mounts.push({ ...mount, hostPath: target });
  }
  return mounts;
}

import { readdir } from 'node:fs/promises';
import { errorCode, messageOf } from '../../cni/index.ts';
import type { Exec } from '../../cni/index.ts';
import { podDir, podsDir } from './paths.ts';
import { teardownVolumes } from './teardown.ts';

/** UIDs as the API server (RFC 4122) and static pods (MD5, hexadecimal) have them. Other names are not ours to remove. */
const POD_UID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** UIDs of the pods that have a directory but are not among `knownUids`. */
export async function orphanedPodDirs(rootDir: string, knownUids: ReadonlySet<string>): Promise<readonly string[]> {
  try {
    const entries = await readdir(podsDir(rootDir), { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && POD_UID.test(entry.name) && !knownUids.has(entry.name))
      .map(({ name }) => name);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

export interface OrphanSweep {
  readonly removed: readonly string[];
  readonly failed: readonly { readonly uid: string; readonly error: unknown }[];
}

/** Removes the directories of pods that are not known any more. One that cannot be removed does not stop the others. */
export async function sweepOrphans(
  rootDir: string,
  knownUids: ReadonlySet<string>,
  exec: Exec,
  signal: AbortSignal,
): Promise<OrphanSweep> {
  const removed: string[] = [];
  const failed: { uid: string; error: unknown }[] = [];
  for (const uid of await orphanedPodDirs(rootDir, knownUids)) {
    signal.throwIfAborted();
    try {
      await teardownVolumes(podDir(rootDir, uid), exec, signal);
      removed.push(uid);
    } catch (error) {
      if (signal.aborted) throw error;
      failed.push({ uid, error });
    }
  }
  return { removed, failed };
}

/** One message for all that a sweep could not remove, however many; undefined when it removed all. */
export function describeFailures({ failed }: OrphanSweep): string | undefined {
  const [first, ...others] = failed;
  if (first === undefined) return undefined;
  const more = others.length === 0 ? '' : `; and ${others.length} more`;
  return `${failed.length} orphaned pod directories cannot be removed: ${messageOf(first.error)}${more}`;
}

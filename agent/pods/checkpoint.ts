import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeAbandonedFiles, writeFileAtomic } from '../../cni/index.ts';
import type { PodStatus } from '../objects/types.ts';
import type { Allocation } from './allocation.ts';

/** What is kept of a pod. */
export interface Checkpoint {
  readonly status: PodStatus;
  /** Undefined where a version of the daemon wrote it that did not know of allocations. */
  readonly allocation: Allocation | undefined;
}

/** The last published status of each pod, and what it was granted, for the daemon that comes after this one. */
export interface StatusCheckpoints {
  /** Undefined when there is none, or none that can be read. */
  load(uid: string): Promise<Checkpoint | undefined>;
  save(uid: string, checkpoint: Checkpoint): Promise<void>;
  remove(uid: string): Promise<void>;
  /** Removes those of pods that are not known any more. */
  sweep(known: ReadonlySet<string>): Promise<void>;
}

/**
 * Checkpoints in a directory of their own, a file a pod. They hold what the runtime cannot tell: since when a condition
 * holds, readiness, and that a pod is over, so that one that must not run twice does not (kubernetes#116483).
 */
export function createStatusCheckpoints(directory: string): StatusCheckpoints {
  const saved = new Map<string, string>();
  const pathOf = (uid: string): string => join(directory, `${uid}.json`);
  const remove = async (uid: string): Promise<void> => {
    saved.delete(uid);
    await rm(pathOf(uid), { force: true });
  };
  return {
    load: async (uid) => {
      try {
        const status: unknown = JSON.parse(await readFile(pathOf(uid), 'utf8'));
        return isStatus(status) ? split(status) : undefined;
      } catch {
        return undefined;
      }
    },
    save: async (uid, { status, allocation }) => {
      const text = JSON.stringify({ ...status, allocation } satisfies Kept);
      if (saved.get(uid) === text) return;
      await writeFileAtomic(pathOf(uid), text, { mode: 0o600, sync: false });
      saved.set(uid, text);
    },
    remove,
    sweep: async (known) => {
      const names = await readdir(directory).catch(() => []);
      const stale = names.flatMap((name) => (name.endsWith('.json') ? [name.slice(0, -'.json'.length)] : []));
      await Promise.all(stale.filter((uid) => !known.has(uid)).map(remove));
      await removeAbandonedFiles(directory);
    },
  };
}

/** What a file holds: fields of the status, as in all versions of the daemon, and the allocation beside them. */
type Kept = PodStatus & { readonly allocation?: Allocation | undefined };

/** A file of somebody else's making is as good as none. */
function isStatus(value: unknown): value is Kept {
  return typeof value === 'object' && value !== null && typeof (value as PodStatus).phase === 'string';
}

function split({ allocation, ...status }: Kept): Checkpoint {
  return { status, allocation };
}

import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mountsWithin, readMounts } from '../../../agent/volumes/mountinfo.ts';
import { uid } from '../../unit/volumes/pods.ts';

export const isRoot = process.getuid?.() === 0;
export const never = new AbortController().signal;

export const run = (file: string, ...args: readonly string[]): string => execFileSync(file, args, { encoding: 'utf8' });

/** The root directory of a kubelet that a test mounts below; `remove` takes everything off, whatever the test left. */
export interface Root {
  readonly path: string;
  readonly at: (...parts: readonly string[]) => string;
  /** Below the directory of the test's pod. */
  readonly pod: (...parts: readonly string[]) => string;
  readonly mountPoints: () => Promise<readonly string[]>;
  readonly remove: () => Promise<void>;
}

export function createRoot(): Root {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'volumes-')));
  const mountPoints = async (): Promise<readonly string[]> =>
    mountsWithin(await readMounts(), path).map(({ mountPoint }) => mountPoint);
  return {
    path,
    at: (...parts) => join(path, ...parts),
    pod: (...parts) => join(path, 'pods', uid, ...parts),
    mountPoints,
    remove: async () => {
      for (const mountPoint of (await mountPoints()).toReversed()) run('umount', mountPoint);
      rmSync(path, { recursive: true });
    },
  };
}

/** `mode uid:gid`, links followed. */
export function rights(path: string): string {
  const { mode, uid: owner, gid } = statSync(path);
  return `${(mode & 0o7777).toString(8)} ${owner}:${gid}`;
}

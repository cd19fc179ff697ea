import { posix } from 'node:path';
import type { Mount } from '../runtime/types.ts';
import { isWithin } from './paths.ts';

/** A directory of the host that no container may see, and an empty one that stands there instead. Real paths, without links. */
export interface HiddenDirectory {
  readonly path: string;
  readonly empty: string;
}

/** What a container is about to mount, by its real path. */
export interface MountSource {
  readonly source: string;
  readonly containerPath: string;
}

/**
 * The mounts that cover a directory wherever it would show below another mount. The directory is covered and not a socket in it,
 * for a file that is removed on the host takes with it what other namespaces have mounted over it.
 *
 * @throws Error when a mount is the directory itself or something in it
 */
export function planHidden(mounts: readonly MountSource[], { path, empty }: HiddenDirectory): readonly Mount[] {
  return mounts.flatMap(({ source, containerPath }): readonly Mount[] => {
    if (isWithin(source, path)) throw new Error(`${source} holds the API of podwright: no container may mount it`);
    if (!isWithin(path, source)) return [];
    const covered = posix.join(containerPath, posix.relative(source, path));
    return [{ hostPath: empty, containerPath: covered, readOnly: true, propagation: 'private' }];
  });
}

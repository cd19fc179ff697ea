import { constants } from 'node:fs';
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import type { Log } from '../pods/deps.ts';
import type { CgroupFile, CgroupVersion } from './files-render.ts';
import { cgroupDirectory } from './names.ts';

/** Writes the files of cgroups and remembers what it wrote: a value that has not changed costs nothing. */
export interface CgroupFiles {
  /** Makes the cgroup where it is missing and writes what differs from the last call. */
  write(path: string, files: readonly CgroupFile[]): Promise<void>;
  /** To be called when a cgroup has been removed. */
  forget(path: string): void;
}

export interface CgroupFilesDeps {
  readonly version: CgroupVersion;
  /** Mount point: `/sys/fs/cgroup`. */
  readonly root: string;
  readonly log: Pick<Log, 'warn'>;
}

/** What was done for one cgroup. */
interface Known {
  /** Controllers that it was made for. */
  readonly made: Set<string>;
  /** By file. */
  readonly values: Map<string, string>;
}

/**
 * Access to the files of cgroups. A controller that the kernel does not have, or that this process may not write to (a
 * container without the privilege, a read-only mount), is left out from then on, and said once.
 */
export function createCgroupFiles({ version, root, log }: CgroupFilesDeps): CgroupFiles {
  const cgroups = new Map<string, Known>();
  const usable = new Map<string, Promise<boolean>>();

  const isUsable = (controller: string): Promise<boolean> => {
    const known = usable.get(controller) ?? hasController(version, root, controller);
    usable.set(controller, known);
    return known;
  };

  const makeCgroup = async (directory: string, controller: string): Promise<void> => {
    await mkdir(directory, { recursive: true });
    if (version === 2) await enableController(root, dirname(directory), controller);
  };

  const writeOne = async (path: string, file: CgroupFile, { made }: Known): Promise<void> => {
    const directory = cgroupDirectory(version, root, file.controller, path);
    const target = join(directory, file.name);
    try {
      if (!made.has(file.controller)) await makeCgroup(directory, file.controller);
      made.add(file.controller);
      await writeCgroupFile(target, file.value).catch(async (error: unknown) => {
        if (errorCode(error) !== 'ENOENT') throw error;
        await makeCgroup(directory, file.controller); // Somebody has removed it.
        await writeCgroupFile(target, file.value);
      });
    } catch (error) {
      if (!isOutOfReach(error)) throw new Error(`cannot write ${file.value} to ${target}`, { cause: error });
      usable.set(file.controller, Promise.resolve(false));
      const fields = { err: error, controller: file.controller, file: target };
      log.warn(fields, 'cgroup controller cannot be used: no limits by it');
    }
  };

  return {
    write: async (path, files) => {
      const known = cgroups.get(path) ?? { made: new Set(), values: new Map() };
      cgroups.set(path, known);
      for (const file of files) {
        if (known.values.get(file.name) === file.value || !(await isUsable(file.controller))) continue;
        await writeOne(path, file, known);
        known.values.set(file.name, file.value);
      }
    },
    forget: (path) => {
      cgroups.delete(path);
    },
  };
}

/** Writes to a file that the kernel has made; never makes one. */
export async function writeCgroupFile(path: string, value: string): Promise<void> {
  await writeFile(path, value, { flag: constants.O_WRONLY });
}

/** The version of the hierarchy that controllers are in: 2 when the unified one is mounted alone. */
export async function cgroupVersion(root: string): Promise<CgroupVersion> {
  return access(join(root, 'cgroup.controllers')).then(
    (): CgroupVersion => 2,
    (): CgroupVersion => 1,
  );
}

async function hasController(version: CgroupVersion, root: string, controller: string): Promise<boolean> {
  if (version === 2) {
    const controllers = await readFile(join(root, 'cgroup.controllers'), 'utf8');
    return controllers.trim().split(' ').includes(controller);
  }
  return access(join(root, controller, 'cgroup.procs')).then(
    () => true,
    () => false,
  );
}

/** Hands a controller of cgroup v2 down from the root to the children of `directory`. */
async function enableController(root: string, directory: string, controller: string): Promise<void> {
  if (directory !== root) await enableController(root, dirname(directory), controller);
  await writeCgroupFile(join(directory, 'cgroup.subtree_control'), `+${controller}`);
}

function isOutOfReach(error: unknown): boolean {
  return ['ENOENT', 'EACCES', 'EPERM', 'EROFS'].includes(errorCode(error) ?? '');
}

import { lstat, mkdir, readFile, readlink, rename, rm, rmdir, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomBytes } from 'node:crypto';
import { errorCode, writeFileAtomic } from '../../cni/index.ts';

type Undo = () => Promise<void>;

/** Writes files one by one, and can take all of it back: what was there before is there again. */
export interface FilesTransaction {
  /** Replaces a file atomically, and makes directories that are missing. */
  write(path: string, content: string, mode: number): Promise<void>;
  /** Replaces what is at `path` by a symbolic link, atomically. */
  link(path: string, target: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Undoes the last step first. Goes on after a failure, and then rejects with all of them. */
  rollback(): Promise<void>;
}

export function createFilesTransaction(): FilesTransaction {
  const undos: Undo[] = [];
  const remember = async (path: string): Promise<void> => {
    undos.push(await undoOf(path));
  };
  const makeDirectory = async (path: string): Promise<void> => {
    const first = await mkdir(path, { recursive: true, mode: 0o755 });
    if (first !== undefined) undos.push(async () => removeEmpty(path, first));
  };
  return {
    write: async (path, content, mode) => {
      await makeDirectory(dirname(path));
      await remember(path);
      await writeFileAtomic(path, content, { mode });
    },
    link: async (path, target) => {
      await makeDirectory(dirname(path));
      await remember(path);
      await replaceLink(path, target);
    },
    remove: async (path) => {
      await remember(path);
      await rm(path, { force: true });
    },
    rollback: async () => rollback(undos),
  };
}

async function rollback(undos: Undo[]): Promise<void> {
  const failures: unknown[] = [];
  for (const undo of undos.splice(0).reverse()) {
    await undo().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) {
    throw new AggregateError(failures, `cannot take back all files: ${failures.map(String).join('; ')}`);
  }
}

/** How to bring back what is at a path now. */
async function undoOf(path: string): Promise<Undo> {
  const status = await lstat(path).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (status === undefined) return async () => rm(path, { force: true });
  if (status.isSymbolicLink()) {
    const target = await readlink(path);
    return async () => replaceLink(path, target);
  }
  const content = await readFile(path, 'utf8');
  return async () => writeFileAtomic(path, content, { mode: status.mode & 0o777 });
}

/** Replaces what is at `path` by a symbolic link; a reader sees the old or the new one. */
export async function replaceLink(path: string, target: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await symlink(target, temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Removes a directory and its parents up to `first`, as long as nobody else put something there. */
async function removeEmpty(path: string, first: string): Promise<void> {
  for (let directory = path; directory.startsWith(first); directory = dirname(directory)) {
    try {
      await rmdir(directory);
    } catch (error) {
      if (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(errorCode(error) ?? '')) return;
      throw error;
    }
  }
}

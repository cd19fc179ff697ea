/*
 * Opens a path below a directory that containers write to, without ever leaving it.
 *
 * INVARIANTS (CVE-2017-1002101, CVE-2021-25741)
 * - What is opened was reached from the base by one component at a time, each relative to the descriptor before it, and
 *   none of them a symbolic link. Links are allowed when they stay below the base: they are resolved first, and the walk
 *   takes the resolved path. One that is put there in between makes the walk fail.
 * - The descriptor is what the caller goes on with, never the path: it pins what was checked.
 */
import { type FileHandle, chmod, mkdir, open, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import { childPath, fdPath, PIN_FLAGS } from './fd-path.ts';

/**
 * Opens `path` below `base`, and makes the directories that are missing, with the mode of `base` (kubelet: SafeMakeDir in
 * `pkg/volume/util/subpath/subpath_linux.go`).
 *
 * @param path relative, without `..`
 * @returns a descriptor for use as a path only, to be closed by the caller
 * @throws Error when the path leads out of the base, or something changes under the walk
 */
export async function safeOpen(base: string, path: string): Promise<FileHandle> {
  const root = await realpath(base);
  const { existing, missing } = await resolve(root, path.split('/').filter(isName));
  const mode = (await stat(root)).mode & 0o7777;
  let handle = await walk(root, existing, path);
  for (const name of missing) handle = await makeAndEnter(handle, name, mode);
  return handle;
}

/**
 * As {@link safeOpen}, for what is there already.
 *
 * @throws Error `ENOENT` when it is not
 */
export async function safeOpenExisting(base: string, path: string): Promise<FileHandle> {
  const root = await realpath(base);
  return await walk(root, await realpath(join(root, path)), path);
}

/**
 * @param existing without links, as its base is
 * @param path as it was asked for, for the error
 */
async function walk(root: string, existing: string, path: string): Promise<FileHandle> {
  const inside = relative(root, existing);
  if (inside === '..' || inside.startsWith(`..${sep}`)) throw new Error(`${path} leads to ${existing}, out of ${root}`);
  let handle = await open(root, PIN_FLAGS);
  for (const name of inside.split(sep).filter(isName)) handle = await enter(handle, name);
  return handle;
}

function isName(component: string): boolean {
  return component !== '' && component !== '.';
}

/** The longest part of the path that is there, with its links resolved, and the names that follow it. */
async function resolve(
  root: string,
  names: readonly string[],
): Promise<{ readonly existing: string; readonly missing: readonly string[] }> {
  for (let count = names.length; count > 0; count -= 1) {
    try {
      return { existing: await realpath(join(root, ...names.slice(0, count))), missing: names.slice(count) };
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
    }
  }
  return { existing: root, missing: names };
}

/** Closes `parent` in any case. */
async function enter(parent: FileHandle, name: string): Promise<FileHandle> {
  try {
    const child = await open(childPath(parent.fd, name), PIN_FLAGS);
    if (!(await child.stat()).isSymbolicLink()) return child;
    await child.close();
    throw new Error(`${name} became a symbolic link`);
  } finally {
    await parent.close();
  }
}

async function makeAndEnter(parent: FileHandle, name: string, mode: number): Promise<FileHandle> {
  const isNew = await makeDirectory(childPath(parent.fd, name), mode).catch(async (error: unknown) => {
    await parent.close();
    throw error;
  });
  const child = await enter(parent, name);
  // Under any umask; the descriptor cannot be led elsewhere.
  if (isNew && (await child.stat()).isDirectory()) await chmod(fdPath(child.fd), mode);
  return child;
}

/** @returns false when there is something of this name already: another container's start may have been faster */
async function makeDirectory(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, mode);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/*
 * A volume's files, replaced all at once (`pkg/volume/util/atomic_writer.go`):
 *
 *     ..2026_01_31_12_00_00.Xy12aB/   the files themselves
 *     ..data -> ..2026_01_31_12_00_00.Xy12aB
 *     name   -> ..data/name
 *     dir    -> ..data/dir            for each first segment of a path
 *
 * INVARIANTS
 * - `..data` is renamed into place, and names a directory only after all in it is written, with its modes and owners. So
 *   a reader sees the old or the new files, and a program can watch `..data`.
 * - What a crash leaves behind is repaired by the next run: it lists what is there and makes and removes what differs.
 * - When nothing differs nothing is written.
 */
import type { Stats } from 'node:fs';
import {
  chmod,
  lchown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import { groupMode } from './fs-group-plan.ts';
import type { Payload, PayloadFile } from './payload-plan.ts';
import { removeTree } from './remove-tree.ts';

const DATA = '..data';
const NEW_DATA = '..data_tmp';
const PAYLOAD_DIR = /^\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\./;

interface WriteOptions {
  /** Group that may read; undefined for none. */
  readonly fsGroup: number | undefined;
  /** Milliseconds since the epoch, for the name of the directory. */
  readonly now: number;
}

/**
 * Makes a volume's directory show exactly the files of a payload. Only one writer a directory at a time.
 *
 * @param directory exists; nobody but this writer writes there
 * @returns true when the files changed
 */
export async function writePayload(
  directory: string,
  payload: Payload,
  options: WriteOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const current = await readCurrent(directory);
  const isCurrent = current !== undefined && (await holds(join(directory, current), payload, options.fsGroup));
  const wanted = isCurrent ? current : await writeNew(directory, payload, options, signal);
  await syncLinks(directory, payload, wanted, signal);
  return !isCurrent;
}

/** Name of the directory that `..data` points to. */
async function readCurrent(directory: string): Promise<string | undefined> {
  try {
    const target = await readlink(join(directory, DATA));
    return PAYLOAD_DIR.test(target) && !target.includes('/') ? target : undefined;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function holds(directory: string, payload: Payload, fsGroup: number | undefined): Promise<boolean> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory());
    const paths = files.map((entry) => relative(directory, join(entry.parentPath, entry.name)));
    if (paths.length !== payload.size) return false;
    for (const path of paths) {
      const file = payload.get(path);
      if (file === undefined || !(await isSame(join(directory, path), file, fsGroup))) return false;
    }
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

async function isSame(path: string, file: PayloadFile, fsGroup: number | undefined): Promise<boolean> {
  const stats = await lstat(path);
  return stats.isFile() && hasRights(stats, file, fsGroup) && Buffer.compare(await readFile(path), file.bytes) === 0;
}

function hasRights(stats: Stats, file: PayloadFile, fsGroup: number | undefined): boolean {
  const isOwner = file.uid === undefined || stats.uid === file.uid;
  const isGroup = fsGroup === undefined || stats.gid === fsGroup;
  return isOwner && isGroup && (stats.mode & 0o7777) === fileMode(file, fsGroup);
}

function fileMode({ mode }: PayloadFile, fsGroup: number | undefined): number {
  return fsGroup === undefined ? mode : groupMode(mode, { isDirectory: false, readOnly: true });
}

/** @returns the name of the new directory, which `..data` points to now */
async function writeNew(
  directory: string,
  payload: Payload,
  { fsGroup, now }: WriteOptions,
  signal: AbortSignal,
): Promise<string> {
  const created = await mkdtemp(join(directory, `..${timestamp(now)}.`));
  await shareDirectory(created, fsGroup);
  for (const [path, file] of payload) {
    signal.throwIfAborted();
    await makeParents(created, dirname(path), fsGroup);
    await writeOne(join(created, path), file, fsGroup);
  }
  const link = join(directory, NEW_DATA);
  await rm(link, { force: true });
  await symlink(basename(created), link);
  await rename(link, join(directory, DATA));
  return basename(created);
}

async function makeParents(root: string, path: string, fsGroup: number | undefined): Promise<void> {
  if (path === '.') return;
  await makeParents(root, dirname(path), fsGroup);
  try {
    await mkdir(join(root, path));
  } catch (error) {
    if (errorCode(error) !== 'EEXIST' || !(await lstat(join(root, path))).isDirectory()) throw error;
    return;
  }
  await shareDirectory(join(root, path), fsGroup);
}

/** Every user may go in, under any umask; the modes of the files say who may read. */
async function shareDirectory(path: string, fsGroup: number | undefined): Promise<void> {
  if (fsGroup === undefined) return await chmod(path, 0o755);
  const { uid } = await lstat(path);
  await lchown(path, uid, fsGroup);
  await chmod(path, groupMode(0o755, { isDirectory: true, readOnly: true }));
}

/** The mode is set last: a change of the owner clears some of its bits, and the umask others. */
async function writeOne(path: string, file: PayloadFile, fsGroup: number | undefined): Promise<void> {
  await writeFile(path, file.bytes, { flag: 'wx', mode: 0o600 });
  if (file.uid !== undefined || fsGroup !== undefined) {
    const { uid, gid } = await lstat(path);
    await lchown(path, file.uid ?? uid, fsGroup ?? gid);
  }
  await chmod(path, fileMode(file, fsGroup));
}

/** Makes the missing links to `..data`, and removes the links and directories of earlier payloads. */
async function syncLinks(directory: string, payload: Payload, current: string, signal: AbortSignal): Promise<void> {
  const wanted = new Set([...payload.keys()].map((path) => path.split('/')[0] ?? path));
  const there = new Set(await readdir(directory));
  for (const name of wanted) if (!there.has(name)) await symlink(join(DATA, name), join(directory, name));
  for (const name of there) {
    if (wanted.has(name) || name === DATA || name === current) continue;
    const path = join(directory, name);
    if (PAYLOAD_DIR.test(name)) await removeTree(path, signal);
    else if (name === NEW_DATA || (await isLinkToData(path, name))) await unlink(path);
  }
}

async function isLinkToData(path: string, name: string): Promise<boolean> {
  const stats = await lstat(path);
  return stats.isSymbolicLink() && (await readlink(path)) === join(DATA, name);
}

/** UTC, e.g. `2026_01_31_12_00_00`. */
function timestamp(now: number): string {
  return new Date(now).toISOString().slice(0, 19).replaceAll(/[-T:]/g, '_');
}

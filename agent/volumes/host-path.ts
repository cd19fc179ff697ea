import { type Stats } from 'node:fs';
import { chmod, open, stat } from 'node:fs/promises';
import { errorCode } from '../../cni/index.ts';
import { makeDirectory } from './make-directory.ts';

/** `hostPath` of a volume. */
export interface HostPathSource {
  readonly path: string;
  readonly type?: string;
}

/** What a checked path must be: the name in messages, and the test. Symbolic links are followed, as the kubelet does. */
interface Kind {
  readonly label: string;
  readonly matches: (stats: Stats) => boolean;
  readonly create?: (path: string) => Promise<void>;
}

const directory: Kind = { label: 'directory', matches: (stats) => stats.isDirectory() };
const file: Kind = { label: 'file', matches: (stats) => stats.isFile() };

const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['Directory', directory],
  ['DirectoryOrCreate', { ...directory, create: createDirectory }],
  ['File', file],
  ['FileOrCreate', { ...file, create: createFile }],
  ['Socket', { label: 'socket file', matches: (stats) => stats.isSocket() }],
  ['CharDevice', { label: 'character device', matches: (stats) => stats.isCharacterDevice() }],
  ['BlockDevice', { label: 'block device', matches: (stats) => stats.isBlockDevice() }],
]);

/**
 * Checks or creates what a hostPath volume names (`pkg/volume/hostpath/host_path.go`). Without a type nothing is checked;
 * a missing directory is then made by the runtime when it creates the container.
 *
 * @returns the path to mount
 */
export async function prepareHostPath({ path, type = '' }: HostPathSource): Promise<string> {
  if (path.split('/').includes('..')) throw new Error(`invalid HostPath \`${path}\`: must not contain '..'`);
  if (type === '') return path;
  const kind = KINDS.get(type);
  if (kind === undefined) throw new Error(`${type} is an invalid volume type`);
  const stats = (await statIfThere(path)) ?? (await create(kind, path));
  if (stats === undefined) throw typeError(path, kind, `it does not exist`);
  if (!kind.matches(stats)) throw typeError(path, kind, `it is ${describe(stats)}`);
  return path;
}

async function create(kind: Kind, path: string): Promise<Stats | undefined> {
  if (kind.create === undefined) return undefined;
  await kind.create(path);
  return await statIfThere(path);
}

/** The mode is set apart from the creation: it must hold under any umask. */
async function createDirectory(path: string): Promise<void> {
  await makeDirectory(path, 0o755);
  await chmod(path, 0o755);
}

/** The parent directory must be there, as with the kubelet. */
async function createFile(path: string): Promise<void> {
  const handle = await open(path, 'a', 0o644);
  try {
    await handle.chmod(0o644);
  } finally {
    await handle.close();
  }
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function typeError(path: string, kind: Kind, detail: string): Error {
  return new Error(`hostPath type check failed: ${path} is not a ${kind.label}, ${detail}`);
}

function describe(stats: Stats): string {
  const kind = [...KINDS.values()].find(({ matches }) => matches(stats));
  return kind === undefined ? 'of another type' : `a ${kind.label}`;
}

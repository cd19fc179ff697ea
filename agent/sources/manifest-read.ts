import { constants } from 'node:fs';
import { open, readdir, realpath, stat, type FileHandle } from 'node:fs/promises';
import { errorCode, messageOf } from '../../cni/index.ts';
import { MAX_MANIFEST_BYTES } from '../objects/index.ts';
import type { FileFacts } from './file-plan.ts';
import { isManifestName } from './manifest-names.ts';

/** Content of a manifest file. */
export interface ManifestText {
  readonly fingerprint: string;
  /** Last modification, milliseconds since the epoch. */
  readonly modifiedMs: number;
  readonly text: string;
}

interface Stats {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  isFile(): boolean;
  isDirectory(): boolean;
}

/** Looks at a name without reading it. Symbolic links are followed, as by the kubelet. */
export async function inspectManifest(path: string): Promise<FileFacts> {
  try {
    return toFacts(await stat(path, { bigint: true }));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return { is: 'absent' };
    return { is: 'unreadable', reason: `cannot be read: ${messageOf(error)}` };
  }
}

/**
 * Reads a manifest file.
 *
 * @returns undefined when the file changed or went while it was read
 * @throws Error that says why the file cannot be read
 */
export async function readManifest(path: string): Promise<ManifestText | undefined> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK opening a FIFO that took the file's place would wait for a writer, for ever.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return await readHandle(handle);
  } finally {
    await handle.close();
  }
}

async function readHandle(handle: FileHandle): Promise<ManifestText | undefined> {
  const before = await handle.stat({ bigint: true });
  if (!before.isFile()) return undefined;
  if (before.size > MAX_MANIFEST_BYTES) throw new Error(`larger than ${MAX_MANIFEST_BYTES} bytes`);
  const bytes = await handle.readFile();
  const after = await handle.stat({ bigint: true });
  if (fingerprint(before) !== fingerprint(after)) return undefined;
  return { fingerprint: fingerprint(after), modifiedMs: modifiedMs(after), text: decodeUtf8(bytes) };
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error('is not UTF-8 text', { cause: error });
  }
}

function toFacts(stats: Stats): FileFacts {
  if (stats.isFile()) return { is: 'file', fingerprint: fingerprint(stats), modifiedMs: modifiedMs(stats) };
  return { is: 'other', reason: `is a ${stats.isDirectory() ? 'directory' : 'special file'}, not a manifest` };
}

/** Changes with any change of the file that the kernel keeps account of. */
function fingerprint(stats: Stats): string {
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
}

function modifiedMs(stats: Stats): number {
  return Number(stats.mtimeNs / 1000n) / 1000;
}

/** What the manifest directory holds. */
export type DirectoryListing =
  | {
      readonly is: 'listed';
      /** The directory itself, without symbolic links. */
      readonly path: string;
      /** Changes when another directory takes the place of this one. */
      readonly identity: string;
      /** Names of possible manifests, sorted. */
      readonly names: readonly string[];
    }
  | { readonly is: 'missing' }
  | { readonly is: 'unreadable'; readonly reason: string };

/** Lists the manifest directory. Never rejects. */
export async function listManifests(directory: string): Promise<DirectoryListing> {
  try {
    const path = await realpath(directory);
    const { dev, ino } = await stat(path, { bigint: true });
    const names = (await readdir(path)).filter(isManifestName).sort();
    return { is: 'listed', path, identity: `${path}:${dev}:${ino}`, names };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return { is: 'missing' };
    return { is: 'unreadable', reason: messageOf(error) };
  }
}

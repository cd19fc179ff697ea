import { mkdir, readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../../cni/index.ts';
import { replaceLink } from '../bootstrap/files-transaction.ts';
import type { NodeFile } from '../bootstrap/node-files.ts';
import { type HostRecord, renderRecord } from '../bootstrap/record.ts';

/** What has an effect on other programs comes last in `files`; a directory of keys is for root alone. */
export async function writeFiles(files: readonly NodeFile[], signal: AbortSignal): Promise<void> {
  for (const file of files) {
    signal.throwIfAborted();
    await mkdir(dirname(file.path), { recursive: true, mode: 0o755 });
    if ('target' in file) await replaceLink(file.path, file.target);
    else await writeFileAtomic(file.path, file.content, { mode: file.mode });
  }
}

/**
 * What is on this host of a control plane once `files` are written. It is written before them: a run that fails half way has
 * then told the next one, and a reset, what is its own.
 *
 * @param before the record of an earlier run
 */
export async function recordOf(
  files: readonly NodeFile[],
  dataDir: string,
  before: HostRecord | undefined,
): Promise<HostRecord> {
  const isOurs =
    before?.directories.includes(dataDir) === true || (await readdir(dataDir).catch(() => [])).length === 0;
  return {
    files: unique([...(before?.files ?? []), ...files.map(({ path }) => path)]),
    directories: unique([...(before?.directories ?? []), ...(isOurs ? [dataDir] : [])]),
  };
}

/** For root alone, as etcd wants it: it holds every Secret of the cluster. */
export async function makeDataDir(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

export function recordFile(path: string, record: HostRecord): NodeFile {
  return { path, content: renderRecord(record), mode: 0o644 };
}

const unique = (paths: readonly string[]): readonly string[] => [...new Set(paths)];

import { readdir, readlink, rm, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import { readRecord } from '../bootstrap/record.ts';
import type { Config } from '../config/index.ts';
import { secretsDirectory } from '../sources/api-checkpoint.ts';
import { removeTree } from '../volumes/remove-tree.ts';

/** For `catch`: what is not there need not be removed. */
export function ignoreMissing(error: unknown): undefined {
  if (errorCode(error) !== 'ENOENT') throw error;
  return undefined;
}

const namesIn = async (directory: string): Promise<readonly string[]> =>
  (await readdir(directory).catch(ignoreMissing)) ?? [];

/** UIDs of pods that podwright has something of on disk: a directory, or a status that was written down. */
export async function knownUids(rootDir: string): Promise<ReadonlySet<string>> {
  const checkpoints = await namesIn(join(rootDir, 'podwright', 'pods'));
  const directories = await namesIn(join(rootDir, 'pods'));
  return new Set([...checkpoints.map((name) => name.replace(/\.json$/, '')), ...directories]);
}

/** Removes the logs of these pods, and the links to them. Logs of others stay. */
export async function removeLogs(
  { podLogsDir, containerLogsDir }: Pick<Config, 'podLogsDir' | 'containerLogsDir'>,
  uids: ReadonlySet<string>,
): Promise<void> {
  for (const name of await namesIn(podLogsDir)) {
    if (uids.has(name.split('_').at(-1) ?? '')) await rm(join(podLogsDir, name), { recursive: true, force: true });
  }
  for (const name of await namesIn(containerLogsDir)) {
    const path = join(containerLogsDir, name);
    const target = await readlink(path).catch(() => '');
    const directory = target.startsWith(`${podLogsDir}/`)
      ? (target.slice(podLogsDir.length + 1).split('/')[0] ?? '')
      : '';
    if (uids.has(directory.split('_').at(-1) ?? '')) await unlink(path).catch(ignoreMissing);
  }
}

/**
 * Files that `podwright join` wrote, and the certificates that the daemon has got since; none when this host has not joined.
 * Rejects when the record cannot be read.
 */
export async function joinedFiles(rootDir: string): Promise<readonly string[]> {
  const written = (await readRecord(rootDir))?.files ?? [];
  const links = written.filter((file) => basename(file) === 'kubelet-client-current.pem');
  const later = await Promise.all(links.map((link) => certificatesIn(dirname(link))));
  return [...new Set([...written, ...later.flat()])];
}

/** Directories that `podwright init` has made for the control plane's data. */
export async function joinedDirectories(rootDir: string): Promise<readonly string[]> {
  return (await readRecord(rootDir))?.directories ?? [];
}

/** The kubelet's names: of certificates that the cluster has issued, and of the one that the kubelet API makes for itself. */
const certificateName = /^(kubelet-(client|server)-[-0-9a-z]+\.pem|kubelet\.(crt|key))$/;

async function certificatesIn(directory: string): Promise<readonly string[]> {
  return (await namesIn(directory)).filter((name) => certificateName.test(name)).map((name) => join(directory, name));
}

/** Directories go too when they are empty then. */
export async function removeFiles(files: readonly string[]): Promise<void> {
  for (const file of files) await unlink(file).catch(ignoreMissing);
  const directories = [...new Set(files.map((file) => dirname(file)))].sort((one, other) => other.length - one.length);
  for (const directory of directories) await removeIfEmpty(directory);
}

/** Removes podwright's own directories; neither follows links nor enters what is mounted there. */
export async function removeState({ rootDir, socketPath }: Config, signal: AbortSignal): Promise<void> {
  await rmdir(join(rootDir, 'pods')).catch(ignoreMissing);
  await removeTree(join(rootDir, 'podwright'), signal);
  await unlink(socketPath).catch(ignoreMissing);
  await removeTree(secretsDirectory({ socketPath }), signal);
  await unlink(join(rootDir, 'podwright.lock')).catch(ignoreMissing);
  for (const directory of [dirname(socketPath), rootDir]) await removeIfEmpty(directory);
}

async function removeIfEmpty(directory: string): Promise<void> {
  await rmdir(directory).catch((error: unknown) => {
    const code = errorCode(error) ?? '';
    if (!['ENOENT', 'ENOTEMPTY', 'EBUSY'].includes(code)) throw error;
  });
}

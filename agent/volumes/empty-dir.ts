import { access, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import type { Pod, Volume } from '../objects/types.ts';
import { memorySize } from './empty-dir-plan.ts';
import { ensureGroup } from './fs-group.ts';
import { makeDirectory } from './make-directory.ts';
import { emptyDirPath, emptyDirReadyFile } from './paths.ts';
import type { VolumeDeps } from './prepare.ts';
import { ensureSharedDirectory, ensureTmpfs } from './shared-directory.ts';

/**
 * Makes an emptyDir, on disk or in memory. Once it is ready, which a file says as the kubelet's does
 * (`pkg/volume/emptydir/empty_dir.go`), its modes and owners are the containers' own: a database that has closed its
 * directory to all others must find it so when it starts again.
 *
 * @returns the path to mount
 */
export async function prepareEmptyDir(
  name: string,
  source: NonNullable<Volume['emptyDir']>,
  pod: Pod,
  podDir: string,
  { exec, nodeMemoryBytes }: VolumeDeps,
  signal: AbortSignal,
): Promise<string> {
  const path = emptyDirPath(podDir, name);
  const { medium = '' } = source;
  if (medium !== '' && medium !== 'Memory') {
    throw new Error(`storage medium ${JSON.stringify(medium)} is not supported`);
  }
  const readyFile = emptyDirReadyFile(podDir, name);
  const wasReady = await isThere(readyFile);
  const isNew =
    medium === ''
      ? await ensureSharedDirectory(path, wasReady)
      : await ensureTmpfs(path, memorySize(source, pod, nodeMemoryBytes), exec, signal);
  if (wasReady && !isNew) return path;
  // It begins empty, so the root tells of all that is below, whatever the fsGroupChangePolicy.
  const fsGroup = pod.spec.securityContext?.fsGroup;
  if (fsGroup !== undefined) await ensureGroup(path, fsGroup, signal);
  await makeDirectory(dirname(readyFile), 0o750);
  await writeFile(readyFile, '');
  return path;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

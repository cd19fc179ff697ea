import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { PersistentVolume, Pod, Volume } from '../objects/types.ts';
import { setGroup, ensureGroup } from './fs-group.ts';
import { prepareHostPath } from './host-path.ts';
import { makeDirectory } from './make-directory.ts';
import { readMounts } from './mountinfo.ts';
import { renderNfsMount } from './nfs-render.ts';
import { localVolumePath, nfsVolumePath } from './paths.ts';
import type { PreparedVolume, VolumeDeps } from './prepare.ts';
import { bindSubPath } from './sub-path.ts';

/** As long as the kubelet gives a mount (`pkg/volume/util/operationexecutor`): a server may be slow to answer. */
const NFS_TIMEOUT_MS = 120_000;

/**
 * Sets up the volume behind a claim.
 *
 * @throws Error when the claim is not bound, or its volume is of a type that needs a driver
 */
export async function preparePersistent(
  source: NonNullable<Volume['persistentVolumeClaim']>,
  pod: Pod,
  podDir: string,
  deps: VolumeDeps,
  signal: AbortSignal,
): Promise<PreparedVolume> {
  const volume = await deps.claims.volumeOf(pod.metadata.namespace, source.claimName);
  const { hostPath, local, nfs, volumeMode, mountOptions = [] } = volume.spec ?? {};
  const { name } = volume.metadata;
  const readOnly = source.readOnly ?? false;
  if (volumeMode === 'Block')
    throw new Error(`persistentvolume ${JSON.stringify(name)}: volumeMode Block is not supported`);
  if (hostPath !== undefined) return { hostPath: await prepareHostPath(hostPath), readOnly };
  if (local !== undefined)
    return { hostPath: await prepareLocal(name, local, groupOf(pod, readOnly), podDir, deps, signal), readOnly };
  if (nfs !== undefined) return await prepareNfs(name, { ...nfs, readOnly }, mountOptions, podDir, deps, signal);
  throw new Error(`persistentvolume ${JSON.stringify(name)}: only hostPath, local and nfs are supported`);
}

interface Group {
  readonly gid: number;
  /** Whatever the root of the volume is like. */
  readonly always: boolean;
}

/** The pod's fsGroup, for a volume that it may write to. */
function groupOf({ spec }: Pod, readOnly: boolean): Group | undefined {
  const { fsGroup: gid, fsGroupChangePolicy } = spec.securityContext ?? {};
  return gid === undefined || readOnly ? undefined : { gid, always: fsGroupChangePolicy !== 'OnRootMismatch' };
}

/** A directory of the host's, bound (`pkg/volume/local/local.go`). */
async function prepareLocal(
  name: string,
  { path, fsType }: NonNullable<NonNullable<PersistentVolume['spec']>['local']>,
  group: Group | undefined,
  podDir: string,
  { exec }: VolumeDeps,
  signal: AbortSignal,
): Promise<string> {
  if (fsType !== undefined) throw new Error(`local volume ${path}: fsType is not supported, mount the device yourself`);
  const target = localVolumePath(podDir, name);
  const isNew = await bindSubPath({ volumePath: path, path: '', target }, exec, signal);
  if (group?.always === true && isNew) await setGroup(target, group.gid, signal);
  else if (group?.always === false) await ensureGroup(target, group.gid, signal);
  return target;
}

/**
 * Mounts an NFS export. Whether it is mounted is read from the table of mounts: a look at the directory itself would wait
 * for a server that is away.
 *
 * @param name of the volume, or of the PersistentVolume
 */
export async function prepareNfs(
  name: string,
  source: NonNullable<Volume['nfs']>,
  mountOptions: readonly string[],
  podDir: string,
  { exec }: VolumeDeps,
  signal: AbortSignal,
): Promise<PreparedVolume> {
  const path = nfsVolumePath(podDir, name);
  await makeDirectory(dirname(path), 0o750);
  const target = join(await realpath(dirname(path)), basename(path));
  const prepared = { hostPath: path, readOnly: source.readOnly ?? false };
  if ((await readMounts()).some(({ mountPoint }) => mountPoint === target)) return prepared;
  await makeDirectory(target, 0o750);
  const args = renderNfsMount(source, mountOptions, target);
  await exec({ file: 'mount', args, timeoutMs: NFS_TIMEOUT_MS }, signal);
  return prepared;
}

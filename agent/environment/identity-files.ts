import { constants } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Container } from '../objects/types.ts';
import type { Mount } from '../runtime/types.ts';
import { etcHostsFile } from '../volumes/paths.ts';

const HOSTS_PATH = '/etc/hosts';
const RESOLV_CONF_PATH = '/etc/resolv.conf';

const fileMode = 0o644;

/** Text of the files that tell a pod's containers who they are and how to resolve names. */
export interface IdentityFiles {
  readonly hosts: string;
  readonly resolvConf: string;
}

/**
 * Has a pod's `/etc/hosts` and `/etc/resolv.conf` in its directory, readable by every user of the containers. May be
 * repeated; what a container wrote into them is replaced.
 */
export async function writeIdentityFiles(podDir: string, files: IdentityFiles): Promise<void> {
  await mkdir(podDir, { recursive: true, mode: 0o750 });
  await writeInPlace(etcHostsFile(podDir), files.hosts);
  await writeInPlace(resolvConfFile(podDir), files.resolvConf);
}

/** The file that containers see as `/etc/resolv.conf`. The kubelet leaves it to the runtime, so its name is ours. */
function resolvConfFile(podDir: string): string {
  return join(podDir, 'resolv.conf');
}

/**
 * The mounts that show a container these files. A container that mounts something at one of the paths itself keeps
 * that. They can be written to, as with the kubelet (`makeHostsMount`), unless the container's root file system is
 * read-only.
 */
export function identityMounts(container: Container, podDir: string): readonly Mount[] {
  const readOnly = container.securityContext?.readOnlyRootFilesystem ?? false;
  const taken = new Set(container.volumeMounts.map(({ mountPath }) => posix.resolve('/', mountPath)));
  const mounts: readonly Mount[] = [
    { hostPath: etcHostsFile(podDir), containerPath: HOSTS_PATH, readOnly, propagation: 'private' },
    { hostPath: resolvConfFile(podDir), containerPath: RESOLV_CONF_PATH, readOnly, propagation: 'private' },
  ];
  return mounts.filter(({ containerPath }) => !taken.has(containerPath));
}

/**
 * Writes into the file itself, not into a new one that is renamed over it: a bind mount shows the file that was there
 * when it was made, so containers that run would see the old text for ever. A reader may meet a half-written file; a
 * file that needs no change is left alone so that this stays rare.
 */
async function writeInPlace(path: string, text: string): Promise<void> {
  const content = Buffer.from(text);
  try {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, fileMode);
    try {
      await file.chmod(fileMode); // The process's umask may have taken from it.
      if (await holds(file, content)) return;
      await file.writeFile(content);
      await file.truncate(content.length);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new Error(`cannot write ${path}`, { cause: error });
  }
}

/**
 * The size is looked at first: a container may have made the file larger than memory. The file's position does not
 * move.
 */
async function holds(file: FileHandle, content: Buffer): Promise<boolean> {
  const { size } = await file.stat();
  if (size !== content.length) return false;
  const { bytesRead, buffer } = await file.read(Buffer.alloc(size), 0, size, 0);
  return bytesRead === size && content.equals(buffer);
}

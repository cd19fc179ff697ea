import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../cni/index.ts';
import { fdPath } from './fd-path.ts';
import { safeOpenExisting } from './safe-open.ts';

/** All variables of a process together are less on any machine. */
const LARGEST = 1024 ** 2;

export interface VolumeFile {
  /** On the host. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads a file that a container wrote into a volume. Whatever the container puts there, nothing outside of the volume is read, no
 * pipe is waited for, and no more than 1 MiB is held.
 *
 * @param path relative, without `..`
 * @throws Error that tells nothing of the host's files; they are in the cause
 */
export async function readVolumeFile(volumePath: string, path: string): Promise<VolumeFile> {
  const pinned = await safeOpenExisting(volumePath, path).catch((cause: unknown) => {
    throw new Error(errorCode(cause) === 'ENOENT' ? 'no such file' : 'it cannot be opened within the volume', {
      cause,
    });
  });
  try {
    return { path: join(volumePath, path), bytes: await readRegular(pinned) };
  } finally {
    await pinned.close();
  }
}

async function readRegular(pinned: FileHandle): Promise<Uint8Array> {
  if (!(await pinned.stat()).isFile()) throw new Error('it is not a regular file');
  // The descriptor leads to what was checked, wherever its name leads by now.
  const file = await open(fdPath(pinned.fd), constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    // One more than is allowed: a file that grows meanwhile is too large too.
    const content = await readUpTo(file, LARGEST + 1);
    if (content.length > LARGEST) throw new Error('it is larger than 1 MiB');
    return content;
  } finally {
    await file.close();
  }
}

async function readUpTo(file: FileHandle, size: number): Promise<Uint8Array> {
  const buffer = Buffer.alloc(size);
  let length = 0;
  for (let count = -1; count !== 0 && length < size; length += count) {
    ({ bytesRead: count } = await file.read(buffer, length, size - length, length));
  }
  // A copy: most files are small, and hold no large buffer for as long as they are held themselves.
  return Buffer.from(buffer.subarray(0, length));
}

import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

export interface Lock {
  release(): Promise<void>;
}

/** Another daemon works on the same root directory. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
}

/**
 * Makes this process the only podwright on a root directory until it ends, however it ends. The lock is the kernel's
 * (flock(2)) and belongs to an open file, not to a process: `flock(1)` takes it on the file that is open here and exits,
 * and the kernel gives it back when this process has closed the file, also by SIGKILL.
 *
 * @throws LockedError that names the process that holds it
 */
export async function acquireLock(rootDir: string): Promise<Lock> {
  await mkdir(rootDir, { recursive: true });
  const path = join(rootDir, 'podwright.lock');
  const handle = await open(path, 'a+', 0o600);
  try {
    const { exitCode } = await execa('flock', ['--nonblock', '--exclusive', '3'], {
      stdio: ['ignore', 'ignore', 'pipe', handle.fd],
      reject: false,
    });
    if (exitCode === undefined) throw new Error('flock(1) cannot be run: apt-get install util-linux');
    if (exitCode !== 0) throw await lockedBy(path, rootDir);
    await handle.truncate(0);
    await handle.write(`${process.pid}\n`);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { release: () => handle.close() };
}

async function lockedBy(path: string, rootDir: string): Promise<LockedError> {
  const pid = (await readFile(path, 'utf8')).trim();
  const holder = pid === '' ? 'another process' : `process ${pid}`;
  return new LockedError(
    `podwright runs already on ${rootDir} (${holder}, see ${path}): stop it, or choose another --root-dir`,
  );
}

import { spawn } from 'node:child_process';
import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';

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
    if (!(await flock(handle.fd))) throw await lockedBy(path, rootDir);
    await tellHolder(handle);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { release: () => handle.close() };
}

/** The number is for people only; a full disk, on which pods must go on, does not keep the daemon from starting. */
async function tellHolder(handle: FileHandle): Promise<void> {
  await handle.truncate(0);
  await handle.write(`${process.pid}\n`).catch(() => undefined);
}

/** What flock(1) exits with when another process has the lock (`--conflict-exit-code`); anything else is a failure. */
const conflict = 1;

/** Takes the lock on a file that is open here; false when another process has it. */
async function flock(fd: number): Promise<boolean> {
  // Not the Exec wrapper: this child must inherit the open file, as its descriptor 3.
  const child = spawn('flock', ['--nonblock', '--exclusive', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
  return new Promise((resolve, reject) => {
    child.once('exit', (code, killedBy) => {
      if (code === 0 || code === conflict) resolve(code === 0);
      else
        reject(
          new Error(`flock(1) failed (${killedBy ?? `exit code ${code ?? 0}`}): can this file system lock files?`),
        );
    });
    child.once('error', (cause) => reject(new Error('cannot run flock(1): apt-get install util-linux', { cause })));
  });
}

async function lockedBy(path: string, rootDir: string): Promise<LockedError> {
  const pid = (await readFile(path, 'utf8')).trim();
  const holder = pid === '' ? 'another process' : `process ${pid}`;
  return new LockedError(
    `podwright runs already on ${rootDir} (${holder}, see ${path}): stop it, or choose another --root-dir`,
  );
}

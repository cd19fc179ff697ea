import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf } from './error-text.ts';
import { errorCode } from './error-code.ts';

const temporaryPrefix = '.tmp-';
/** Writes take milliseconds: a temporary file that is older was left behind by a process that was killed. */
const abandonedAfterMs = 5_000;

/**
 * Replaces `path` by `content` so that a reader, or a crash at any point, sees the old or the new content and nothing
 * between: temporary name in the same directory, fsync, rename. The directory is made when it is missing.
 *
 * @param options.mode file mode of the new file; default `0o644`
 * @param options.sync false for what is worth nothing after a loss of power, as all that is about running containers:
 *   a crash of the machine may then leave an empty file, a crash of the process may not. Default true
 */
export async function writeFileAtomic(
  path: string,
  content: string,
  { mode = 0o644, sync = true }: { readonly mode?: number; readonly sync?: boolean } = {},
): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true });
  const temporary = join(directory, temporaryPrefix + randomBytes(8).toString('hex'));
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.writeFile(content);
      if (sync) await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new Error(`cannot write ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Removes what writers that were killed have left in a directory. */
export async function removeAbandonedFiles(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
  for (const name of names.filter((file) => file.startsWith(temporaryPrefix))) {
    const path = join(directory, name);
    const age = Date.now() - (await stat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
    if (age > abandonedAfterMs) await rm(path, { force: true });
  }
}

import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

let sequence = 0;

/**
 * Replaces `path` by `content` so that a reader, or a crash at any point, sees the old or the new content and nothing
 * between: temporary name in the same directory, fsync, rename. The directory is made when it is missing.
 *
 * @param mode file mode of the new file, e.g. `0o600`
 */
export async function writeFileAtomic(path: string, content: string, mode = 0o644): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true });
  const temporary = join(directory, `.tmp-${process.pid}-${(sequence += 1)}`);
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new Error(`cannot write ${path}`, { cause: error });
  }
}

import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '../../cni/index.ts';

/**
 * Makes a directory and its parents; what is there already is left as it is. Not Node's own recursive mkdir, because
 * that reports a full disk as ENOENT, "no such file or directory" (seen with Node 20).
 *
 * @param mode of each directory that is made, less the umask
 */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  try {
    await mkdirUnlessThere(path, mode);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDirectory(dirname(path), mode);
    await mkdirUnlessThere(path, mode);
  }
}

async function mkdirUnlessThere(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, mode);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}

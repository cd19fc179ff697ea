import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { parseConfig } from './config.ts';
import type { NetworkConfigList } from './types.ts';
import { messageOf } from '../util/error-text.ts';
import { errorCode } from '../util/error-code.ts';

/** File types that libcni reads. */
const extensions: ReadonlySet<string> = new Set(['.conf', '.conflist', '.json']);

export interface LoadedConfig {
  /** The first valid file, in the order of their names. */
  readonly config: NetworkConfigList | undefined;
  /** `file: what is wrong`, for files before it that are broken. */
  readonly problems: readonly string[];
}

/** Reads the directory of network configurations; it is read again when a file in it has changed. */
export function createConfigLoader(confDir: string): () => Promise<LoadedConfig> {
  let loaded: { readonly stamp: string; readonly result: LoadedConfig } | undefined;
  return async () => {
    const files = await listFiles(confDir);
    const stamp = files.map((file) => file.stamp).join();
    if (loaded?.stamp !== stamp) loaded = { stamp, result: await load(files.map(({ path }) => path)) };
    return loaded.result;
  };
}

/** A file that went between the listing and the look at it. */
const gone = { mtimeMs: 0, size: 0, ino: 0 };

async function listFiles(confDir: string): Promise<{ path: string; stamp: string }[]> {
  const names = await readdir(confDir).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
  const wanted = names.filter((name) => !name.startsWith('.') && extensions.has(extname(name))).sort();
  return Promise.all(
    wanted.map(async (name) => {
      const path = join(confDir, name);
      const { mtimeMs, size, ino } = await stat(path).catch(() => gone);
      return { path, stamp: `${name}:${mtimeMs}:${size}:${ino}` };
    }),
  );
}

async function load(paths: readonly string[]): Promise<LoadedConfig> {
  const problems: string[] = [];
  for (const path of paths) {
    try {
      return { config: parseConfig(await readFile(path, 'utf8')), problems };
    } catch (error) {
      problems.push(`${path}: ${messageOf(error)}`);
    }
  }
  return { config: undefined, problems };
}

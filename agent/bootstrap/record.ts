import { readIfThere } from '../../cni/index.ts';
import { joinRecord } from './paths.ts';

/** What `podwright join` or `podwright init` put on this host, for `podwright reset`. */
export interface HostRecord {
  readonly files: readonly string[];
  /** Directories that are removed with all that is in them. */
  readonly directories: readonly string[];
}

/**
 * Undefined when this host is no node of a cluster.
 *
 * @throws Error when the record cannot be read
 */
export async function readRecord(rootDir: string): Promise<HostRecord | undefined> {
  const path = joinRecord(rootDir);
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const { files, directories } = JSON.parse(text) as { readonly files?: unknown; readonly directories?: unknown };
  if (!Array.isArray(files)) throw new Error(`${path} has no list "files": nothing of it is removed`);
  return { files: absolute(files), directories: Array.isArray(directories) ? absolute(directories) : [] };
}

export const renderRecord = (record: HostRecord): string => `${JSON.stringify(record)}\n`;

const absolute = (paths: readonly unknown[]): readonly string[] =>
  paths.filter((path): path is string => typeof path === 'string' && path.startsWith('/'));

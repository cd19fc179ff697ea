import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeResult } from './spec/result.ts';
import type { CniResult, NetworkConfigList, PortMapping } from './spec/types.ts';
import { parseConfig } from './spec/config.ts';
import { removeAbandonedFiles, writeFileAtomic } from './util/atomic-file.ts';
import { errorCode } from './util/error-code.ts';
import { readIfThere } from './util/read-if-there.ts';

/** An attachment as it was made: all that its DEL needs. */
export interface CachedAttachment {
  readonly containerId: string;
  readonly ifName: string;
  readonly config: NetworkConfigList;
  readonly pod: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly portMappings: readonly PortMapping[];
  readonly netns: string;
  readonly result: CniResult;
  /**
   * DEL has begun. A daemon that is killed before its end must not take the attachment for one that works: parts of it may
   * be gone.
   */
  readonly deleting: boolean;
}

/** Results of ADDs on disk, in libcni's layout (`<cacheDir>/results/<network>-<containerId>-<ifName>`). */
export interface ResultCache {
  get(containerId: string, ifName: string): Promise<CachedAttachment | undefined>;
  put(attachment: CachedAttachment): Promise<void>;
  remove(containerId: string, ifName: string): Promise<void>;
  /** All of podwright's: other runtimes of this host may keep theirs in the same directory. */
  list(): Promise<readonly CachedAttachment[]>;
  /** Removes half-written entries of a daemon that was killed. */
  sweep(): Promise<void>;
}

type OnWarning = (message: string, fields: object) => void;

/** Whose entry it is; libcni and those who read its files skip the field. */
const owner = 'podwright';

/** An entry that a crash or a full disk cut short counts as absent; each is told of once. */
export function createResultCache(cacheDir: string, onWarning: OnWarning = () => undefined): ResultCache {
  const directory = join(cacheDir, 'results');
  const told = new Set<string>();
  const read = async (name: string): Promise<CacheFile | undefined> => {
    const path = join(directory, name);
    const text = await readIfThere(path);
    if (text === undefined) return undefined;
    try {
      return parse(text);
    } catch (error) {
      if (!told.has(path)) onWarning('CNI result cannot be read: counts as absent', { path, err: error });
      told.add(path);
      return undefined;
    }
  };
  const pathOf = (network: string, containerId: string, ifName: string): string =>
    join(directory, `${network}-${containerId}-${ifName}`);
  const find = async (containerId: string, ifName: string): Promise<string[]> => {
    const suffix = `-${containerId}-${ifName}`;
    return (await names(directory)).filter((name) => name.endsWith(suffix));
  };
  return {
    get: async (containerId, ifName) => {
      for (const name of await find(containerId, ifName)) {
        const file = await read(name);
        if (file !== undefined) return file.attachment;
      }
      return undefined;
    },
    put: async (attachment) => {
      const { config, containerId, ifName } = attachment;
      await writeFileAtomic(pathOf(config.name, containerId, ifName), encode(attachment), { mode: 0o600, sync: false });
    },
    remove: async (containerId, ifName) => {
      for (const name of await find(containerId, ifName)) await rm(join(directory, name), { force: true });
    },
    list: async () => {
      const files = await Promise.all((await names(directory)).map(read));
      return files.flatMap((file) => (file?.isOwn === true ? [file.attachment] : []));
    },
    sweep: () => removeAbandonedFiles(directory),
  };
}

async function names(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => !name.startsWith('.'));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function encode({ config, containerId, ifName, netns, pod, portMappings, result, deleting }: CachedAttachment): string {
  return JSON.stringify({
    kind: 'cniCacheV1',
    owner,
    containerId,
    config: Buffer.from(JSON.stringify(config)).toString('base64'),
    ifName,
    networkName: config.name,
    netns,
    cniArgs: [
      ['K8S_POD_NAMESPACE', pod.namespace],
      ['K8S_POD_NAME', pod.name],
      ['K8S_POD_UID', pod.uid],
    ],
    capabilityArgs: { portMappings },
    result,
    ...(deleting ? { deleting } : {}),
  });
}

interface CacheFile {
  readonly attachment: CachedAttachment;
  readonly isOwn: boolean;
}

function parse(text: string): CacheFile {
  const entry = JSON.parse(text) as Encoded;
  return { attachment: decode(entry), isOwn: entry.owner === owner };
}

interface Encoded {
  readonly owner?: string;
  readonly containerId: string;
  readonly config: string;
  readonly ifName: string;
  readonly netns?: string;
  readonly cniArgs?: readonly (readonly [string, string])[];
  readonly capabilityArgs?: { readonly portMappings?: readonly PortMapping[] };
  readonly result: unknown;
  readonly deleting?: boolean;
}

function decode(entry: Encoded): CachedAttachment {
  const argument = (name: string): string => entry.cniArgs?.find(([key]) => key === name)?.[1] ?? '';
  return {
    containerId: entry.containerId,
    ifName: entry.ifName,
    config: parseConfig(Buffer.from(entry.config, 'base64').toString('utf8')),
    pod: { name: argument('K8S_POD_NAME'), namespace: argument('K8S_POD_NAMESPACE'), uid: argument('K8S_POD_UID') },
    portMappings: entry.capabilityArgs?.portMappings ?? [],
    netns: entry.netns ?? '',
    result: decodeResult(entry.result),
    deleting: entry.deleting === true,
  };
}

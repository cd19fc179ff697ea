import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseIp } from '../ip/cidr.ts';

/** An address and who holds it. */
export interface Lease {
  readonly ip: string;
  readonly containerId: string;
  readonly ifName: string;
}

/**
 * The leases of one network on disk, laid out as the reference host-local plugin does: a file an address, named by it,
 * holding container ID and link name. The files are the truth, also between processes: a lease is taken by linking a
 * whole, written file to the address's name, which succeeds for one taker only and never leaves half a file.
 */
export interface LeaseStore {
  /** Takes an address; false when somebody has it. */
  reserve(lease: Lease): Promise<boolean>;
  list(): Promise<readonly Lease[]>;
  release(ip: string): Promise<void>;
  /** The address that was given last from a range set, as it was stored. */
  lastReserved(rangeSet: number): Promise<string | undefined>;
  setLastReserved(rangeSet: number, ip: string): Promise<void>;
  /** Files in the directory that are no lease of ours: empty ones, or ones that a crash cut short. */
  unreadable(olderThanMs: number): Promise<readonly string[]>;
}

let sequence = 0;

/** @param directory `<dataDir>/<network>`; made when something is stored */
export function createLeaseStore(directory: string): LeaseStore {
  const path = (ip: string): string => join(directory, ip);
  const lastFile = (rangeSet: number): string => join(directory, `last_reserved_ip.${rangeSet}`);
  return {
    reserve: ({ ip, containerId, ifName }) =>
      withTemporary(directory, `${containerId}\r\n${ifName}`, async (temporary) => {
        try {
          await link(temporary, path(ip));
          return true;
        } catch (error) {
          if (isCode(error, 'EEXIST')) return false;
          throw error;
        }
      }),
    list: async () => (await readLeases(directory)).flatMap(({ lease }) => lease ?? []),
    release: (ip) => rm(path(ip), { force: true }),
    lastReserved: async (rangeSet) => (await readIfThere(lastFile(rangeSet)))?.trim(),
    setLastReserved: (rangeSet, ip) =>
      withTemporary(directory, ip, async (temporary) => {
        await rename(temporary, lastFile(rangeSet));
      }),
    unreadable: async (olderThanMs) => {
      const broken = (await readLeases(directory)).filter(({ lease }) => lease === undefined);
      const old: string[] = [];
      for (const { name } of broken) if ((await ageOf(path(name))) > olderThanMs) old.push(name);
      return old;
    },
  };
}

async function withTemporary<T>(directory: string, content: string, use: (path: string) => Promise<T>): Promise<T> {
  const temporary = join(directory, `.tmp-${process.pid}-${(sequence += 1)}`);
  await mkdir(directory, { recursive: true });
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(content);
    } finally {
      await handle.close();
    }
    return await use(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
}

interface LeaseFile {
  readonly name: string;
  /** Undefined when the content is not that of a lease. */
  readonly lease: Lease | undefined;
}

async function readLeases(directory: string): Promise<readonly LeaseFile[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return [];
    throw error;
  });
  const addresses = names.filter((name) => parseIp(name) !== undefined);
  const files = await Promise.all(addresses.map((name) => readLease(directory, name)));
  return files.filter((file) => file !== undefined);
}

async function readLease(directory: string, name: string): Promise<LeaseFile | undefined> {
  const content = await readIfThere(join(directory, name));
  if (content === undefined) return undefined;
  const [containerId = '', ifName = ''] = content.split('\r\n').map((line) => line.trim());
  return { name, lease: containerId === '' || ifName === '' ? undefined : { ip: name, containerId, ifName } };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function ageOf(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return 0;
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}

import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseIp } from '../ip/cidr.ts';
import { errorCode } from '../util/error-code.ts';

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
  /** Whether the lease is there, and of this holder. */
  holds(lease: Lease): Promise<boolean>;
  list(): Promise<readonly Lease[]>;
  /** Gives an address back; false when it is another's by now, or nobody's. */
  release(lease: Lease): Promise<boolean>;
  /** The address that was given last from a range set, as it was stored. */
  lastReserved(rangeSet: number): Promise<string | undefined>;
  setLastReserved(rangeSet: number, ip: string): Promise<void>;
  /** Removes what a crash or a full disk left: files of addresses that name no holder, and temporary files. */
  removeBroken(olderThanMs: number): Promise<void>;
}

const temporaryPrefix = '.tmp-';

/** @param directory `<dataDir>/<network>`; made when something is stored */
export function createLeaseStore(directory: string): LeaseStore {
  const path = (name: string): string => join(directory, name);
  const lastFile = (rangeSet: number): string => path(`last_reserved_ip.${rangeSet}`);
  const holds = async (lease: Lease): Promise<boolean> => {
    const found = await readLease(directory, lease.ip);
    return found?.containerId === lease.containerId && found.ifName === lease.ifName;
  };
  return {
    holds,
    reserve: ({ ip, containerId, ifName }) =>
      withTemporary(directory, `${containerId}\r\n${ifName}`, (temporary) => linkNew(temporary, path(ip))),
    list: () => readLeases(directory),
    release: async (lease) => {
      if (!(await holds(lease))) return false;
      await rm(path(lease.ip), { force: true });
      return true;
    },
    lastReserved: async (rangeSet) => (await readIfThere(lastFile(rangeSet)))?.trim(),
    setLastReserved: (rangeSet, ip) =>
      withTemporary(directory, ip, (temporary) => rename(temporary, lastFile(rangeSet))),
    removeBroken: async (olderThanMs) => {
      for (const name of await listNames(directory)) {
        const isBroken = name.startsWith(temporaryPrefix) || (await isBrokenLease(directory, name));
        if (isBroken && (await isOldFile(path(name), olderThanMs))) await rm(path(name), { force: true });
      }
    },
  };
}

/** Gives a file a second name; false when that name exists. */
async function linkNew(existing: string, path: string): Promise<boolean> {
  try {
    await link(existing, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** The name is random: what a process that was killed left must not be in the way of one with its process ID. */
async function withTemporary<T>(directory: string, content: string, use: (path: string) => Promise<T>): Promise<T> {
  const temporary = join(directory, temporaryPrefix + randomUUID());
  const write = (): Promise<void> => writeFile(temporary, content, { flag: 'wx', mode: 0o600 });
  try {
    await write().catch(async (error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error;
      await mkdir(directory, { recursive: true });
      await write();
    });
    return await use(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function listNames(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function readLeases(directory: string): Promise<readonly Lease[]> {
  const addresses = (await listNames(directory)).filter((name) => parseIp(name) !== undefined);
  const leases = await Promise.all(addresses.map((name) => readLease(directory, name)));
  return leases.filter((lease) => lease !== undefined);
}

async function readLease(directory: string, ip: string): Promise<Lease | undefined> {
  const content = (await readIfThere(join(directory, ip))) ?? '';
  const [containerId = '', ifName = ''] = content.split('\r\n').map((line) => line.trim());
  return containerId === '' || ifName === '' ? undefined : { ip, containerId, ifName };
}

async function isBrokenLease(directory: string, name: string): Promise<boolean> {
  return parseIp(name) !== undefined && (await readLease(directory, name)) === undefined;
}

async function isOldFile(path: string, ageMs: number): Promise<boolean> {
  try {
    const found = await stat(path);
    return found.isFile() && Date.now() - found.mtimeMs > ageMs;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Undefined also for a directory, which is nothing of ours. */
async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'EISDIR'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}

import { readFile, writeFile } from 'node:fs/promises';
import { CniError, cniErrorCode } from '../spec/error.ts';

/** Sets sysctls of the daemon's network namespace; a name is a path below `/proc/sys`, e.g. `net/ipv4/ip_forward`. */
export type SetSysctl = (name: string, value: string) => Promise<void>;

/** Writes only what differs: on some hosts sysctls are read-only, and as they should be. */
export const setSysctl: SetSysctl = async (name, value) => {
  const path = `/proc/sys/${name}`;
  try {
    if ((await readFile(path, 'utf8')).trim() !== value) await writeFile(path, value);
  } catch (error) {
    const dotted = name.replaceAll('/', '.');
    const message = `cannot set sysctl ${dotted}=${value}: set it on the host (sysctl -w ${dotted}=${value})`;
    throw new CniError(cniErrorCode.ioFailure, message, { cause: error });
  }
};

import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CniError, cniErrorCode } from '../spec/error.ts';
import { removeAbandonedFiles, writeFileAtomic } from '../util/atomic-file.ts';
import { conflicts, describePort, type HostPort } from './plan.ts';

/** The host ports of one attachment, as they are kept on disk. */
interface Claim {
  readonly containerId: string;
  readonly ports: readonly HostPort[];
}

/**
 * Who holds which host port, on disk beside the leases: one file an attachment, written before its rules and removed
 * behind them, so that whatever has rules in the kernel has a claim, also after a crash.
 */
export interface Claims {
  /**
   * Claims the ports of an attachment; what it claimed before is replaced.
   *
   * @returns what it had claimed before
   * @throws CniError that names the port and its holder when another attachment has it
   */
  claim(containerId: string, ports: readonly HostPort[]): Promise<readonly HostPort[]>;
  release(containerId: string): Promise<void>;
  get(containerId: string): Promise<readonly HostPort[]>;
  all(): Promise<readonly Claim[]>;
  /** Removes half-written claims of a daemon that was killed. */
  sweep(): Promise<void>;
}

export function createClaims(directory: string): Claims {
  let known: Map<string, readonly HostPort[]> | undefined;
  const claims = async (): Promise<Map<string, readonly HostPort[]>> => (known ??= await readAll(directory));
  return {
    claim: async (containerId, ports) => {
      const held = await claims();
      for (const [holder, theirs] of held) {
        const taken =
          holder === containerId ? undefined : ports.find((port) => theirs.some((other) => conflicts(port, other)));
        if (taken !== undefined) throw portTaken(taken, holder);
      }
      const before = held.get(containerId) ?? [];
      // In memory first: of two ADDs at one time the second must see the first.
      held.set(containerId, ports);
      try {
        await writeFileAtomic(join(directory, containerId), JSON.stringify(ports), { mode: 0o600, sync: false });
      } catch (error) {
        held.delete(containerId);
        throw new CniError(cniErrorCode.ioFailure, 'portmap: cannot store a host port', { cause: error });
      }
      return before;
    },
    release: async (containerId) => {
      await rm(join(directory, containerId), { force: true });
      (await claims()).delete(containerId);
    },
    get: async (containerId) => (await claims()).get(containerId) ?? [],
    sweep: () => removeAbandonedFiles(directory),
    all: async () => [...(await claims())].map(([containerId, ports]) => ({ containerId, ports })),
  };
}

function portTaken(port: HostPort, holder: string): CniError {
  return new CniError(
    cniErrorCode.tryAgainLater,
    `portmap: host port ${describePort(port)} is taken by sandbox ${holder}`,
  );
}

async function readAll(directory: string): Promise<Map<string, readonly HostPort[]>> {
  const names = await readdir(directory).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  const claims = new Map<string, readonly HostPort[]>();
  for (const name of names.filter((file) => !file.startsWith('.'))) {
    claims.set(name, parse(await readFile(join(directory, name), 'utf8')));
  }
  return claims;
}

/** A file that is no claim holds nothing. */
function parse(text: string): readonly HostPort[] {
  try {
    const ports: unknown = JSON.parse(text);
    return Array.isArray(ports) ? (ports as readonly HostPort[]) : [];
  } catch {
    return [];
  }
}

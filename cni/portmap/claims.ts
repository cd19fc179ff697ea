import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CniError, cniErrorCode } from '../spec/error.ts';
import { removeAbandonedFiles, writeFileAtomic } from '../util/atomic-file.ts';
import { conflicts, describePort, type HostPort, isHostPort } from './plan.ts';
import { errorCode } from '../util/error-code.ts';

/** The host ports of one attachment, as they are kept on disk. */
export interface Claim {
  readonly containerId: string;
  readonly network: string;
  readonly ports: readonly HostPort[];
}

/**
 * Who holds which host port, of all networks of this host, on disk beside the leases: one file an attachment, written
 * before its rules and removed behind them, so that whatever has rules in the kernel has a claim, also after a crash.
 */
export interface Claims {
  /**
   * Stores a claim; what the container claimed before is replaced.
   *
   * @throws CniError that names the port and its holder when another attachment has it
   */
  claim(claim: Claim): Promise<void>;
  release(containerId: string): Promise<void>;
  get(containerId: string): Promise<Claim | undefined>;
  all(): Promise<readonly Claim[]>;
  /** Removes half-written claims of a daemon that was killed. */
  sweep(): Promise<void>;
}

export function createClaims(directory: string): Claims {
  let known: Map<string, Claim> | undefined;
  const claims = async (): Promise<Map<string, Claim>> => (known ??= await readAll(directory));
  return {
    claim: async (claim) => {
      const held = await claims();
      refuseTaken(claim, [...held.values()]);
      await store(directory, claim);
      held.set(claim.containerId, claim);
    },
    release: async (containerId) => {
      await rm(join(directory, containerId), { force: true });
      (await claims()).delete(containerId);
    },
    get: async (containerId) => (await claims()).get(containerId),
    all: async () => [...(await claims()).values()],
    sweep: () => removeAbandonedFiles(directory),
  };
}

function refuseTaken({ containerId, ports }: Claim, held: readonly Claim[]): void {
  for (const other of held.filter((claim) => claim.containerId !== containerId)) {
    const taken = ports.find((port) => other.ports.some((theirs) => conflicts(port, theirs)));
    if (taken === undefined) continue;
    const message = `portmap: host port ${describePort(taken)} is taken by sandbox ${other.containerId}`;
    throw new CniError(cniErrorCode.tryAgainLater, message);
  }
}

async function store(directory: string, { containerId, network, ports }: Claim): Promise<void> {
  try {
    const content = JSON.stringify({ network, ports });
    await writeFileAtomic(join(directory, containerId), content, { mode: 0o600, sync: false });
  } catch (error) {
    const message = `portmap: cannot store the host ports of ${containerId} in ${directory}`;
    throw new CniError(cniErrorCode.ioFailure, message, { cause: error });
  }
}

async function readAll(directory: string): Promise<Map<string, Claim>> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
  const claims = new Map<string, Claim>();
  for (const containerId of names.filter((file) => !file.startsWith('.'))) {
    claims.set(containerId, { containerId, ...parse(await readFile(join(directory, containerId), 'utf8')) });
  }
  return claims;
}

/** A file that a loss of power cut short holds nothing: the rules went with the power. */
function parse(text: string): Omit<Claim, 'containerId'> {
  const nothing = { network: '', ports: [] };
  try {
    const { network, ports } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return typeof network === 'string' && Array.isArray(ports) && ports.every(isHostPort)
      ? { network, ports }
      : nothing;
  } catch {
    return nothing;
  }
}

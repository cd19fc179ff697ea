import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../cni/index.ts';
import type { Clock } from '../clock.ts';
import type { Service } from '../objects/types.ts';
import type { Round } from '../round.ts';
import { createWriteBehind, type WriteBehind } from '../write-behind.ts';

/** Changes are gathered this long: a cluster has thousands of Services, and what reads the file is a restart. */
const gatherMs = 1_000;

/** The Services that an API server had, for the environment of containers that start while it is away. */
export interface ServiceMemory extends WriteBehind {
  /** Undefined when there are none that can be read. */
  load(): Promise<readonly Service[] | undefined>;
}

export interface ServiceMemoryOptions {
  readonly file: string;
  readonly services: () => readonly Service[];
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
  /** Counts a write. */
  readonly round?: Round;
}

export function createServiceMemory({ file, services, ...options }: ServiceMemoryOptions): ServiceMemory {
  const write = (): Promise<void> =>
    writeFileAtomic(file, JSON.stringify(services().map(relevant)), { mode: 0o600, sync: false });
  return {
    load: async () => {
      try {
        const known: unknown = JSON.parse(await readFile(file, 'utf8'));
        return Array.isArray(known) ? (known as readonly Service[]) : undefined;
      } catch {
        return undefined;
      }
    },
    ...createWriteBehind({ ...options, gatherMs, write }),
  };
}

/** What the environment of a container tells of a Service. */
function relevant({ apiVersion, kind, metadata: { name, namespace }, spec }: Service): object {
  const { type, clusterIP, ports } = spec ?? {};
  return { apiVersion, kind, metadata: { name, namespace }, spec: { type, clusterIP, ports } };
}

import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../cni/index.ts';
import type { Clock } from '../clock.ts';
import type { Service } from '../objects/types.ts';
import { createWakeup } from '../sources/wakeup.ts';

/** Changes are gathered this long: a cluster has thousands of Services, and what reads the file is a restart. */
const gatherMs = 1_000;
const forever = 2 ** 31 - 1;

/** The Services that an API server had, for the environment of containers that start while it is away. */
export interface ServiceMemory {
  /** Undefined when there are none that can be read. */
  load(): Promise<readonly Service[] | undefined>;
  /** They have changed; they are written some time later. */
  changed(): void;
  /** Writes until `signal` is aborted, and then what is left. */
  run(signal: AbortSignal): Promise<void>;
}

export interface ServiceMemoryOptions {
  readonly file: string;
  readonly services: () => readonly Service[];
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

export function createServiceMemory({ file, services, clock, onError }: ServiceMemoryOptions): ServiceMemory {
  const wakeup = createWakeup(clock);
  let isStale = false;

  const write = async (): Promise<void> => {
    if (!isStale) return;
    isStale = false;
    await writeFileAtomic(file, JSON.stringify(services().map(relevant)), { mode: 0o600, sync: false }).catch(onError);
  };

  return {
    load: async () => {
      try {
        const known: unknown = JSON.parse(await readFile(file, 'utf8'));
        return Array.isArray(known) ? (known as readonly Service[]) : undefined;
      } catch {
        return undefined;
      }
    },
    changed: () => {
      isStale = true;
      wakeup.wake();
    },
    run: async (signal) => {
      try {
        for (;;) {
          await wakeup.sleep(forever, signal);
          await clock.sleep(gatherMs, signal);
          await write();
        }
      } catch (error) {
        if (!signal.aborted) throw error;
        await write();
      }
    },
  };
}

/** What the environment of a container tells of a Service. */
function relevant({ apiVersion, kind, metadata: { name, namespace }, spec }: Service): object {
  const { type, clusterIP, ports } = spec ?? {};
  return { apiVersion, kind, metadata: { name, namespace }, spec: { type, clusterIP, ports } };
}

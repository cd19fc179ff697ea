import type { Container } from '../objects/types.ts';
import type { LinuxResources, RuntimeContainerStatus } from '../runtime/types.ts';
import { annotation } from './annotations.ts';

export interface Resize {
  readonly action: 'update' | 'restart';
  readonly resources: LinuxResources;
}

/** A resize that the runtime was asked for. */
export interface AskedResize {
  readonly resources: LinuxResources;
  /** Why it failed; undefined when it did not. */
  readonly failure: string | undefined;
  /** It is not asked for the same before, milliseconds since the epoch. */
  readonly notBefore: number;
  /** Milliseconds. */
  readonly delayMs: number;
}

type Field = keyof LinuxResources;

const cpuFields: readonly Field[] = ['cpuShares', 'cpuQuota', 'cpuPeriod'];
const memoryFields: readonly Field[] = ['memoryLimit'];

/**
 * How a running container comes to the resources that its spec asks for (KEP-1287); undefined when it has them. Its
 * `resizePolicy` tells whether CPU or memory may change without a restart.
 *
 * What changes by a restart is compared with what the container was created with. The runtime may report something else,
 * because the kernel lacks a controller, and would do so after each restart.
 *
 * @param resources what the spec asks for
 */
export function desiredResize(
  container: Container,
  resources: LinuxResources,
  running: RuntimeContainerStatus,
): Resize | undefined {
  const current = running.resources;
  if (current === undefined) return undefined;
  const created = createdWith(running) ?? current;
  const differs = (from: LinuxResources, fields: readonly Field[]): boolean =>
    fields.some((field) => from[field] !== resources[field]);
  const [cpu, memory] = [restartsFor(container, 'cpu'), restartsFor(container, 'memory')];
  if ((cpu && differs(created, cpuFields)) || (memory && differs(created, memoryFields))) {
    return { action: 'restart', resources };
  }
  const updates = (!cpu && differs(current, cpuFields)) || (!memory && differs(current, memoryFields));
  return updates ? { action: 'update', resources } : undefined;
}

function restartsFor({ resizePolicy = [] }: Container, resource: string): boolean {
  return resizePolicy.some(
    ({ resourceName, restartPolicy }) => resourceName === resource && restartPolicy === 'RestartContainer',
  );
}

function createdWith({ annotations }: RuntimeContainerStatus): LinuxResources | undefined {
  const text = annotations[annotation.resources];
  try {
    return text === undefined ? undefined : (JSON.parse(text) as LinuxResources);
  } catch {
    return undefined;
  }
}

import type { Amount, NodeStats } from '../stats/index.ts';

/*
 * What eviction looks at (pkg/kubelet/eviction/api/types.go, and the tables in pkg/kubelet/eviction/helpers.go). Docker has
 * its writable layers where the images are: there is no `containerfs` of its own, and its thresholds are those of the file
 * system that it shares.
 */

export type PressureType = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';
/** As messages name it. */
export type StarvedResource = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';
export type Signal =
  | 'memory.available'
  | 'allocatableMemory.available'
  | 'nodefs.available'
  | 'nodefs.inodesFree'
  | 'imagefs.available'
  | 'imagefs.inodesFree'
  | 'pid.available';

interface Row {
  readonly condition: PressureType;
  readonly resource: StarvedResource;
  readonly observe: (stats: NodeStats) => Amount | undefined;
}

export const signals: Readonly<Record<Signal, Row>> = {
  'memory.available': { condition: 'MemoryPressure', resource: 'memory', observe: ({ memory }) => memory },
  'allocatableMemory.available': {
    condition: 'MemoryPressure',
    resource: 'memory',
    observe: ({ podsMemory }) => podsMemory,
  },
  'nodefs.available': {
    condition: 'DiskPressure',
    resource: 'ephemeral-storage',
    observe: ({ nodeFs }) => nodeFs?.bytes,
  },
  'nodefs.inodesFree': { condition: 'DiskPressure', resource: 'inodes', observe: ({ nodeFs }) => nodeFs?.inodes },
  'imagefs.available': {
    condition: 'DiskPressure',
    resource: 'ephemeral-storage',
    observe: ({ imageFs }) => imageFs?.bytes,
  },
  'imagefs.inodesFree': { condition: 'DiskPressure', resource: 'inodes', observe: ({ imageFs }) => imageFs?.inodes },
  'pid.available': { condition: 'PIDPressure', resource: 'pids', observe: ({ pids }) => pids },
};

/** Signals that the kubelet knows and that say nothing of their own here. */
const ignoredSignals: ReadonlySet<string> = new Set(['containerfs.available', 'containerfs.inodesFree']);

export function isSignal(name: string): name is Signal {
  return Object.hasOwn(signals, name);
}

export function isKnownSignal(name: string): boolean {
  return isSignal(name) || ignoredSignals.has(name);
}

/** What is left of each resource. A signal that could not be measured is not in it. */
export type Observations = ReadonlyMap<Signal, Amount>;

export function observationsOf(stats: NodeStats): Observations {
  const observations = new Map<Signal, Amount>();
  for (const signal of Object.keys(signals).filter(isSignal)) {
    const amount = signals[signal].observe(stats);
    if (amount !== undefined) observations.set(signal, amount);
  }
  return observations;
}

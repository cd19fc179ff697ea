import type { KubeletConfiguration } from '../config/kubelet-schema.ts';
import { milliValue, parseQuantity, type Quantity, unitValue } from '../objects/quantity.ts';

/** Resources of the node, or the part of them that pods can have. */
export interface NodeResources {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly ephemeralStorageBytes: number;
  readonly pods: number;
  /** Processes and threads. */
  readonly pids: number;
  /** Bytes by resource, e.g. `hugepages-2Mi`. */
  readonly hugepages: Readonly<Record<string, number>>;
}

type Reserved = Pick<NodeResources, 'cpuMillis' | 'memoryBytes' | 'ephemeralStorageBytes' | 'pids'>;
type Settings = Pick<
  Partial<KubeletConfiguration>,
  'systemReserved' | 'kubeReserved' | 'evictionHard' | 'mergeDefaultEvictionSettings'
>;

/** Hard thresholds on Linux (`DefaultEvictionHard`, pkg/kubelet/eviction/defaults_linux.go), those that reserve. */
const defaultEvictionHard: Readonly<Record<string, string>> = {
  'memory.available': '100Mi',
  'nodefs.available': '10%',
};

/**
 * What pods can request: the capacity without what is reserved for the system and for Kubernetes, and without what has to
 * stay free lest pods are evicted (`GetNodeAllocatableReservation`, pkg/kubelet/cm/node_container_manager_linux.go, and
 * `MachineInfo`, pkg/kubelet/nodestatus/setters.go). Huge pages are taken from memory and not counted twice.
 */
export function allocatable(capacity: NodeResources, settings: Settings): NodeResources {
  return subtract(capacity, [...reservations(settings), evictionReservation(capacity, settings)]);
}

/**
 * What the cgroup of all pods may use when `enforceNodeAllocatable` has `pods`: unlike {@link allocatable} up to the point
 * where pods are evicted, else nothing could ever be (`getNodeAllocatableAbsolute`).
 */
export function enforcedAllocatable(capacity: NodeResources, settings: Settings): NodeResources {
  return subtract(capacity, reservations(settings));
}

function reservations({ systemReserved, kubeReserved }: Settings): readonly Reserved[] {
  return [readReserved(systemReserved ?? {}), readReserved(kubeReserved ?? {})];
}

function readReserved(reserved: Readonly<Record<string, string>>): Reserved {
  const amount = (name: string): Quantity => parseQuantity(reserved[name] ?? '0') ?? 0n;
  return {
    cpuMillis: milliValue(amount('cpu')),
    memoryBytes: unitValue(amount('memory')),
    ephemeralStorageBytes: unitValue(amount('ephemeral-storage')),
    pids: unitValue(amount('pid')),
  };
}

/** Signals that keep an amount free (`hardEvictionReservation`, pkg/kubelet/cm/helpers.go). */
function evictionReservation(capacity: NodeResources, settings: Settings): Reserved {
  const given = settings.evictionHard ?? undefined;
  const merged = settings.mergeDefaultEvictionSettings === true ? { ...defaultEvictionHard, ...given } : given;
  const thresholds = merged ?? defaultEvictionHard;
  return {
    cpuMillis: 0,
    memoryBytes: thresholdAmount(thresholds['memory.available'], capacity.memoryBytes),
    ephemeralStorageBytes: thresholdAmount(thresholds['nodefs.available'], capacity.ephemeralStorageBytes),
    pids: 0,
  };
}

/** A threshold is a quantity or a percentage of the capacity; 0 and 0 % switch it off. */
function thresholdAmount(threshold: string | undefined, capacity: number): number {
  if (threshold === undefined) return 0;
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(threshold) ?? [];
  if (percent !== undefined) return Math.floor((capacity * Number(percent)) / 100);
  return unitValue(parseQuantity(threshold) ?? 0n);
}

function subtract(capacity: NodeResources, reserved: readonly Reserved[]): NodeResources {
  const left = (field: keyof Reserved): number =>
    Math.max(0, capacity[field] - reserved.reduce((sum, one) => sum + one[field], 0));
  const hugepages = Object.values(capacity.hugepages).reduce((sum, bytes) => sum + bytes, 0);
  return {
    cpuMillis: left('cpuMillis'),
    memoryBytes: Math.max(0, left('memoryBytes') - hugepages),
    ephemeralStorageBytes: left('ephemeralStorageBytes'),
    pods: capacity.pods,
    pids: left('pids'),
    hugepages: capacity.hugepages,
  };
}

import type { Family } from '../../cni/index.ts';
import type { FileSystemStats } from '../stats/index.ts';
import type { ClaimDisk } from './types.ts';

/** A claim of the node's pods, with its file system. */
export interface ClaimObservation extends ClaimDisk {
  readonly namespace: string;
}

type Value = (fs: FileSystemStats) => number | undefined;

/** By the kubelet's names (pkg/kubelet/metrics/collectors/volume_stats.go). */
const gauges: readonly (readonly [name: string, help: string, value: Value])[] = [
  ['capacity_bytes', 'Capacity in bytes of the volume', ({ bytes }) => bytes.capacity],
  ['available_bytes', 'Number of available bytes in the volume', ({ bytes }) => bytes.available],
  ['used_bytes', 'Number of used bytes in the volume', ({ bytes }) => bytes.capacity - bytes.available],
  ['inodes', 'Maximum number of inodes in the volume', ({ inodes }) => inodes?.capacity],
  ['inodes_free', 'Number of free inodes in the volume', ({ inodes }) => inodes?.available],
  ['inodes_used', 'Number of used inodes in the volume', ({ inodes }) => inodes && inodes.capacity - inodes.available],
];

/** Each claim once, however many pods use it. */
export function volumeFamilies(claims: readonly ClaimObservation[]): readonly Family[] {
  const once = new Map(claims.map((claim) => [`${claim.namespace}/${claim.claim}`, claim]));
  return gauges.map(([name, help, valueOf]) => ({
    ...{ name: `kubelet_volume_stats_${name}`, type: 'gauge', help },
    samples: [...once.values()].flatMap(({ namespace, claim, fs }) => {
      const value = valueOf(fs);
      return value === undefined ? [] : [{ labels: { namespace, persistentvolumeclaim: claim }, value }];
    }),
  }));
}

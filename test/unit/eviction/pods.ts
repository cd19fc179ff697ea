import type { Pod } from '../../../agent/objects/types.ts';
import { evictableAnnotation } from '../../../agent/eviction/index.ts';
import type { ContainerUsage, DiskUsage, PodUsage } from '../../../agent/stats/index.ts';
import { container, pod } from '../pods/fixtures.ts';

export const MiB = 1024 ** 2;

interface PodShape {
  readonly priority?: number;
  readonly requests?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
  readonly volumes?: Pod['spec']['volumes'];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly graceSeconds?: number;
}

/** A static pod with one container `app` that may be evicted. */
export function evictable(uid: string, shape: PodShape = {}): Pod {
  const { priority, requests = {}, limits, volumes = [], annotations, graceSeconds = 30 } = shape;
  const made = pod(
    {
      ...(priority === undefined ? {} : { priority }),
      containers: [container('app', { resources: { requests, ...(limits === undefined ? {} : { limits }) } })],
      volumes,
      terminationGracePeriodSeconds: graceSeconds,
    },
    { 'kubernetes.io/config.source': 'file', [evictableAnnotation]: 'true', ...annotations },
  );
  return { ...made, metadata: { ...made.metadata, uid, name: uid } };
}

/** The same without the annotation. */
export function spared(uid: string, shape: PodShape = {}): Pod {
  return evictable(uid, { ...shape, annotations: { [evictableAnnotation]: 'false' } });
}

export const usage = (extra: Partial<PodUsage>): PodUsage => ({
  memoryBytes: undefined,
  processes: undefined,
  volumes: undefined,
  containers: new Map(),
  ...extra,
});

export const disk = (bytes: number, inodes = 0): DiskUsage => ({ bytes, inodes });

/** A pod whose `app` has written this much. */
export function diskUsage(layer: number, logs: number, volumes: Readonly<Record<string, number>> = {}): PodUsage {
  return usage({
    volumes: new Map(Object.entries(volumes).map(([name, bytes]) => [name, disk(bytes)])),
    containers: new Map([['app', containerUsage({ layer: disk(layer), logs: disk(logs) })]]),
  });
}

export const containerUsage = (extra: Partial<ContainerUsage>): ContainerUsage => ({
  layer: disk(0),
  logs: disk(0),
  memoryBytes: undefined,
  ...extra,
});

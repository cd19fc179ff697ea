import { systemClock } from '../clock.ts';
import type { Config } from '../config/index.ts';
import type { EventRecorder } from '../events/types.ts';
import { createImageGc, diskUsageOf, type ImageGc } from '../images/gc.ts';
import { builtInPauseImage } from '../images/pause/archive.ts';
import type { Pod } from '../objects/types.ts';
import type { Log } from '../pods/deps.ts';
import type { DockerClient } from '../runtime/docker/index.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import type { ObjectStore } from '../sources/types.ts';
import { mountedImages } from '../volumes/image.ts';
import type { Foundation } from './foundation.ts';

export interface ImageGcParts {
  readonly client: Pick<DockerClient, 'info' | 'listContainers'>;
  readonly runtime: ContainerRuntime;
  readonly store: ObjectStore;
  readonly events: EventRecorder;
  readonly log: Log;
  readonly counters: Pick<Foundation['counters'], 'kubelet' | 'loops'>;
}

/** Image garbage collection on Docker: of its data root's disk, and mindful of containers that are no pod's. */
export function createNodeImageGc(config: Config, parts: ImageGcParts): ImageGc {
  const { client, runtime, store, events, log, counters } = parts;
  return createImageGc({
    ...{ runtime, events, log, policy: config.imageGc, nodeName: config.nodeName, clock: systemClock },
    round: counters.loops.round('image-gc'),
    onRemoved: (reason) => counters.kubelet.imageCollected(reason),
    // Until all sources have delivered, it is not known what pods name.
    ready: () => store.synced(),
    use: async (signal) => ({
      usedIds: new Set([
        ...(await client.listContainers([], signal)).map(({ ImageID }) => ImageID),
        ...(await mountedImages(config.rootDir)),
      ]),
      podImages: store.pods().flatMap(({ pod }) => podImages(pod)),
      sandboxImages: [config.podSandboxImage, builtInPauseImage],
    }),
    diskUsage: async (signal) => diskUsageOf((await client.info(signal)).DockerRootDir),
  });
}

function podImages({ spec }: Pod): readonly string[] {
  const { containers, initContainers = [], ephemeralContainers = [], volumes } = spec;
  return [
    ...[...initContainers, ...containers, ...ephemeralContainers].flatMap(({ image }) => image ?? []),
    ...volumes.flatMap(({ image }) => image?.reference ?? []),
  ];
}

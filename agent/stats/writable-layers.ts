import type { DockerClient } from '../runtime/docker/index.ts';
import { label } from '../runtime/docker/labels.ts';

/** Bytes of the writable layer of each container of a pod, by name; of several with one name that of the newest. */
export type WritableLayers = (podUid: string, signal: AbortSignal) => Promise<ReadonlyMap<string, number>>;

/** Asks Docker, which walks through the layers: not for a tight loop. */
export function dockerWritableLayers(client: Pick<DockerClient, 'listContainerSizes'>): WritableLayers {
  return async (podUid, signal) => {
    const entries = await client.listContainerSizes([`${label.podUid}=${podUid}`], signal);
    const sizes = new Map<string, number>();
    for (const { Labels, SizeRw } of entries) {
      const name = Labels[label.containerName];
      if (name === undefined || Labels[label.containerType] === 'podsandbox' || sizes.has(name)) continue;
      sizes.set(name, SizeRw ?? 0);
    }
    return sizes;
  };
}

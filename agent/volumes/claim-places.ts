import type { ObjectReader, Pod } from '../objects/types.ts';
import { claimNameOf } from '../objects/volume-claim.ts';
import { localVolumePath } from './paths.ts';

/** Where a volume of a pod is that a claim stands for. */
export interface ClaimPlace {
  /** Name of the volume in the pod. */
  readonly volume: string;
  readonly claim: string;
  readonly path: string;
}

/**
 * The claims of a pod whose file systems can be measured: local volumes, as the kubelet does. It measures no hostPath; an NFS
 * server that is away would hold the one who asks.
 */
export function claimPlaces(pod: Pod, podDir: string, objects: ObjectReader): readonly ClaimPlace[] {
  const { namespace } = pod.metadata;
  return pod.spec.volumes.flatMap((podVolume) => {
    const claim = claimNameOf(pod, podVolume);
    if (claim === undefined) return [];
    const bound = objects.object('PersistentVolumeClaim', namespace, claim)?.spec?.volumeName;
    const volume = objects
      .objects('PersistentVolume')
      .find(({ metadata, spec }) =>
        bound ? metadata.name === bound : spec?.claimRef?.name === claim && spec.claimRef.namespace === namespace,
      );
    if (volume?.spec?.local === undefined) return [];
    return [{ volume: podVolume.name, claim, path: localVolumePath(podDir, volume.metadata.name) }];
  });
}

import type { PersistentVolumeClaim, Pod, Volume } from './types.ts';

/**
 * Name of the claim behind a volume of a pod; undefined when there is none. That of a generic ephemeral volume has been made for
 * the pod by a controller of the cluster (KEP-1698; `component-helpers/storage/ephemeral`, VolumeClaimName).
 */
export function claimNameOf({ metadata }: Pick<Pod, 'metadata'>, volume: Volume): string | undefined {
  if (volume.ephemeral !== undefined) return `${metadata.name}-${volume.name}`;
  return volume.persistentVolumeClaim?.claimName;
}

/**
 * Why a claim is not that of a pod's generic ephemeral volume: somebody made one of the same name (VolumeIsForPod of the same
 * package). Undefined when it is.
 */
export function ownerProblem(
  { metadata: pod }: Pick<Pod, 'metadata'>,
  claim: PersistentVolumeClaim,
): string | undefined {
  const { namespace, name, ownerReferences = [] } = claim.metadata;
  const isOwner = ownerReferences.find(({ controller }) => controller === true)?.uid === pod.uid;
  if (isOwner && namespace === pod.namespace) return undefined;
  return `PVC ${namespace}/${name} was not created for pod ${pod.namespace}/${pod.name} (pod is not owner)`;
}

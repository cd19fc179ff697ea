import { objectKey, type Container, type Pod, type Volume } from './types.ts';
import { claimNameOf } from './volume-claim.ts';

type NamedKind = 'ConfigMap' | 'Secret' | 'PersistentVolumeClaim';
type Reference = readonly [kind: NamedKind, name: string | undefined];

/**
 * Keys (`objectKey`) of every ConfigMap, Secret and PersistentVolumeClaim that a pod names: in the environment of its init, app
 * and ephemeral containers, in its volumes and in its image pull secrets. The volume behind a claim is not among them. Optional
 * references count: the object may come later. (`VisitPodSecretNames`, `VisitPodConfigmapNames`, pkg/api/v1/pod/util.go.)
 */
export function objectReferences(pod: Pod): ReadonlySet<string> {
  const { initContainers = [], containers, ephemeralContainers = [], volumes, imagePullSecrets = [] } = pod.spec;
  const references = [
    ...[...initContainers, ...containers, ...ephemeralContainers].flatMap(ofContainer),
    ...volumes.flatMap((volume) => ofVolume(pod, volume)),
    ...imagePullSecrets.map(({ name }): Reference => ['Secret', name]),
  ];
  return new Set(references.flatMap(([kind, name]) => (name ? [objectKey(kind, pod.metadata.namespace, name)] : [])));
}

/**
 * Whether a pod has to do with one of the objects. One with a claim has to do with every PersistentVolume: which of them
 * the claim gets may be open.
 *
 * @param keys of objects (`objectKey`)
 */
export function dependsOn(pod: Pod, keys: ReadonlySet<string>): boolean {
  if ([...objectReferences(pod)].some((key) => keys.has(key))) return true;
  const hasClaim = pod.spec.volumes.some((volume) => claimNameOf(pod, volume) !== undefined);
  return hasClaim && [...keys].some((key) => key.startsWith(objectKey('PersistentVolume', '', '')));
}

function ofContainer({ env, envFrom = [] }: Container): readonly Reference[] {
  return [
    ...env.flatMap(({ valueFrom }): Reference[] => [
      ['ConfigMap', valueFrom?.configMapKeyRef?.name],
      ['Secret', valueFrom?.secretKeyRef?.name],
    ]),
    ...envFrom.flatMap(({ configMapRef, secretRef }): Reference[] => [
      ['ConfigMap', configMapRef?.name],
      ['Secret', secretRef?.name],
    ]),
  ];
}

function ofVolume(pod: Pod, volume: Volume): readonly Reference[] {
  return [
    ['ConfigMap', volume.configMap?.name],
    ['Secret', volume.secret?.secretName],
    ['PersistentVolumeClaim', claimNameOf(pod, volume)],
    ...(volume.projected?.sources ?? []).flatMap(({ configMap, secret }): Reference[] => [
      ['ConfigMap', configMap?.name],
      ['Secret', secret?.name],
    ]),
  ];
}

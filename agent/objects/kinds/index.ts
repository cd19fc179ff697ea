import type { ObjectKind } from '../types.ts';
import { configMapRules } from './config-map.ts';
import { endpointSliceRules } from './endpoint-slice.ts';
import { endpointsRules } from './endpoints.ts';
import { persistentVolumeClaimRules } from './persistent-volume-claim.ts';
import { persistentVolumeRules } from './persistent-volume.ts';
import type { KindRules } from './rules.ts';
import { secretRules } from './secret.ts';
import { serviceRules } from './service.ts';

/** Every kind beside Pod that a manifest may hold. */
export const KINDS: { readonly [K in ObjectKind]: KindRules<K> } = {
  ConfigMap: configMapRules,
  Secret: secretRules,
  PersistentVolume: persistentVolumeRules,
  PersistentVolumeClaim: persistentVolumeClaimRules,
  Service: serviceRules,
  Endpoints: endpointsRules,
  EndpointSlice: endpointSliceRules,
};

export function isObjectKind(kind: string): kind is ObjectKind {
  return Object.hasOwn(KINDS, kind);
}

/** Group and version of a kind, as manifests write them. */
export function apiVersionOf(kind: ObjectKind): string {
  return KINDS[kind].apiVersion ?? 'v1';
}

import type { IVolume } from 'kubernetes-models/v1';
import { or } from './default-text.ts';
import { imageTag } from './image-name.ts';
import type { FieldRef, ProjectionSource, Volume } from './types.ts';

/** Mode of the files of volumes made from objects: 0644. */
const FILE_MODE = 0o644;
/** Lifetime of a service account's token and of a pod's certificate, in seconds. */
const TOKEN_SECONDS = 3600;
const CERTIFICATE_SECONDS = 86_400;

/** A volume with the API server's defaults (`pkg/apis/core/v1/defaults.go`); one that names no source is an emptyDir. */
export function defaultVolume(given: IVolume): Volume {
  const volume: Volume = given;
  const { hostPath, configMap, secret, downwardAPI, projected, image, ephemeral } = volume;
  if (!namesSource(volume)) return { ...volume, emptyDir: {} };
  return {
    ...volume,
    ...(hostPath === undefined ? {} : { hostPath: { ...hostPath, type: hostPath.type ?? '' } }),
    ...(configMap === undefined ? {} : { configMap: withMode(configMap) }),
    ...(secret === undefined ? {} : { secret: withMode(secret) }),
    ...(downwardAPI === undefined ? {} : { downwardAPI: withMode(withFieldRefs(downwardAPI)) }),
    ...(projected === undefined
      ? {}
      : { projected: withMode({ ...projected, sources: (projected.sources ?? []).map(defaultProjection) }) }),
    ...(image === undefined
      ? {}
      : { image: { ...image, pullPolicy: or(image.pullPolicy, pullPolicy(image.reference)) } }),
    ...(ephemeral?.volumeClaimTemplate === undefined ? {} : { ephemeral: defaultEphemeral(ephemeral) }),
  };
}

/** Also one that nobody here knows: a newer server's volume is no emptyDir. */
function namesSource(volume: Volume): boolean {
  return Object.entries(volume).some(([field, value]) => field !== 'name' && value !== undefined);
}

/** How an image is pulled that does not say: the tag `latest`, which is also that of none, may move. */
export function pullPolicy(image = ''): 'Always' | 'IfNotPresent' {
  return imageTag(image) === 'latest' ? 'Always' : 'IfNotPresent';
}

/** A reference to a field of the pod is to one of its version v1. */
export function defaultFieldRef(fieldRef: FieldRef): FieldRef {
  return { ...fieldRef, apiVersion: or(fieldRef.apiVersion, 'v1') };
}

function withMode<T extends { defaultMode?: number }>(source: T): T & { defaultMode: number } {
  return { ...source, defaultMode: source.defaultMode ?? FILE_MODE };
}

function withFieldRefs<T extends { items?: { path: string; fieldRef?: FieldRef }[] }>(source: T): T {
  const { items } = source;
  if (items === undefined) return source;
  return {
    ...source,
    items: items.map((item) =>
      item.fieldRef === undefined ? item : { ...item, fieldRef: defaultFieldRef(item.fieldRef) },
    ),
  };
}

function defaultProjection(source: ProjectionSource): ProjectionSource {
  const { downwardAPI, serviceAccountToken: token, podCertificate: certificate } = source;
  return {
    ...source,
    ...(downwardAPI === undefined ? {} : { downwardAPI: withFieldRefs(downwardAPI) }),
    ...(token === undefined
      ? {}
      : { serviceAccountToken: { ...token, expirationSeconds: token.expirationSeconds ?? TOKEN_SECONDS } }),
    ...(certificate === undefined
      ? {}
      : {
          podCertificate: {
            ...certificate,
            maxExpirationSeconds: certificate.maxExpirationSeconds ?? CERTIFICATE_SECONDS,
          },
        }),
  };
}

function defaultEphemeral(ephemeral: NonNullable<IVolume['ephemeral']>): NonNullable<IVolume['ephemeral']> {
  const { volumeClaimTemplate: template } = ephemeral;
  if (template?.spec === undefined) return ephemeral;
  const spec = { ...template.spec, volumeMode: or(template.spec.volumeMode, 'Filesystem') };
  return { ...ephemeral, volumeClaimTemplate: { ...template, spec } };
}

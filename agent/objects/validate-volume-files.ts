import type { FieldPath } from './field-path.ts';
import { forbidden, given, invalid, repeated, required, type FieldProblem } from './field-problem.ts';
import type { PodCertificateProjection, ProjectedVolume, ProjectionSource, Volume } from './types.ts';
import { syntax } from './validate-metadata.ts';
import { qualifiedName } from './names.ts';
import { validateFilePath, validateMode } from './validate-paths.ts';
import { FILE_FIELDS, validateFieldRef, validateResourceRef } from './validate-references.ts';
import { between, requiredOneOf } from './validate-values.ts';

/*
 * Volumes whose files the node writes: from ConfigMaps, Secrets, the pod itself, tokens and certificates.
 */

type DownwardFile = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number];
type KeyToPath = NonNullable<NonNullable<Volume['configMap']>['items']>[number];

const KEY_TYPES = ['ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519', 'RSA3072', 'RSA4096'];
const HOUR = 3600;
const LONGEST_CERTIFICATE = 91 * 24 * HOUR;
const LONGEST_TOKEN = 2 ** 32;
const SHORTEST_TOKEN = 600;

/** What a volume made from an object has: `name` of a ConfigMap, `secretName` of a Secret. */
interface ObjectFiles {
  readonly items?: readonly KeyToPath[];
  readonly defaultMode?: number;
}

/** Checks a volume made from a ConfigMap or Secret (`validateConfigMapVolumeSource`, `validateSecretVolumeSource`). */
export function validateObjectFiles(
  source: ObjectFiles,
  name: string | undefined,
  nameField: string,
  path: FieldPath,
): readonly FieldProblem[] {
  return [
    ...(name === undefined || name === '' ? [required([...path, nameField])] : []),
    ...validateMode(source.defaultMode, [...path, 'defaultMode']),
    ...(source.items ?? []).flatMap((item, index) => validateKeyToPath(item, [...path, 'items', index])),
  ];
}

function validateKeyToPath(item: Partial<KeyToPath>, path: FieldPath): readonly FieldProblem[] {
  return [
    ...(item.key === undefined || item.key === '' ? [required([...path, 'key'])] : []),
    ...validateFilePath(item.path, [...path, 'path']),
    ...validateMode(item.mode, [...path, 'mode']),
  ];
}

/** Checks a volume with facts of the pod itself (`validateDownwardAPIVolumeSource`). */
export function validateDownwardFiles(
  source: { readonly items?: readonly DownwardFile[]; readonly defaultMode?: number },
  containers: readonly string[],
  path: FieldPath,
): readonly FieldProblem[] {
  return [
    ...validateMode(source.defaultMode, [...path, 'defaultMode']),
    ...(source.items ?? []).flatMap((file, index) => validateDownwardFile(file, containers, [...path, 'items', index])),
  ];
}

function validateDownwardFile(
  file: Partial<DownwardFile>,
  containers: readonly string[],
  path: FieldPath,
): readonly FieldProblem[] {
  const { fieldRef, resourceFieldRef } = file;
  return [
    ...validateFilePath(file.path, [...path, 'path']),
    ...given(fieldRef, (ref) => validateFieldRef(ref, FILE_FIELDS, [...path, 'fieldRef'])),
    ...given(resourceFieldRef, (ref) => validateResourceRef(ref, containers, true, [...path, 'resourceFieldRef'])),
    ...(fieldRef !== undefined && resourceFieldRef !== undefined
      ? [invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously')]
      : []),
    ...(fieldRef === undefined && resourceFieldRef === undefined
      ? [required(path, 'one of fieldRef and resourceFieldRef is required')]
      : []),
    ...validateMode(file.mode, [...path, 'mode']),
  ];
}

/** Checks a volume made from several sources (`validateProjectedVolumeSource`). */
export function validateProjected(
  projected: ProjectedVolume,
  containers: readonly string[],
  serviceAccount: string,
  path: FieldPath,
): readonly FieldProblem[] {
  const sources = projected.sources ?? [];
  const files = sources.flatMap((source, index) => filesOf(source, [...path, 'sources', index]));
  return [
    ...validateMode(projected.defaultMode, [...path, 'defaultMode']),
    ...sources.flatMap((source, index) =>
      validateProjection(source, containers, serviceAccount, [...path, 'sources', index]),
    ),
    ...repeated(files, ({ file }) => file)
      .flatMap((index) => files[index] ?? [])
      .map(({ file, at }) => invalid(at, file, 'conflicting duplicate paths')),
  ];
}

interface ProjectedFile {
  readonly file: string;
  readonly at: FieldPath;
}

/** The files of a source that are known before it is read. */
function filesOf(source: ProjectionSource, path: FieldPath): readonly ProjectedFile[] {
  const { clusterTrustBundle, serviceAccountToken, podCertificate = {} } = source;
  const listed = (['secret', 'configMap', 'downwardAPI'] as const).flatMap((kind) =>
    (source[kind]?.items ?? []).map((item, index) => ({
      file: item.path,
      at: [...path, kind, 'items', index, 'path'],
    })),
  );
  const certificate: Partial<PodCertificateProjection> = podCertificate;
  const single = [
    { file: serviceAccountToken?.path, at: [...path, 'serviceAccountToken', 'path'] },
    { file: clusterTrustBundle?.path, at: [...path, 'clusterTrustBundle', 'path'] },
    ...(['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const).map((name) => ({
      file: certificate[name],
      at: [...path, 'podCertificate', name],
    })),
  ];
  return [...listed, ...single].flatMap(({ file, at }) => (file ? [{ file, at }] : []));
}

function validateProjection(
  source: ProjectionSource,
  containers: readonly string[],
  serviceAccount: string,
  path: FieldPath,
): readonly FieldProblem[] {
  const { secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source;
  const all = [secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate];
  return [
    ...given(secret, (one) => validateObjectFiles(one, one.name, 'name', [...path, 'secret'])),
    ...given(configMap, (one) => validateObjectFiles(one, one.name, 'name', [...path, 'configMap'])),
    ...given(downwardAPI, (one) => validateDownwardFiles(one, containers, [...path, 'downwardAPI'])),
    ...given(serviceAccountToken, (one) => validateToken(one, serviceAccount, [...path, 'serviceAccountToken'])),
    ...given(clusterTrustBundle, (one) => validateTrustBundle(one, [...path, 'clusterTrustBundle'])),
    ...given(podCertificate, (one) => validateCertificate(one, [...path, 'podCertificate'])),
    ...(all.filter((one) => one !== undefined).length > 1
      ? [forbidden(path, 'may not specify more than 1 volume type per source')]
      : []),
  ];
}

function validateToken(
  token: NonNullable<ProjectionSource['serviceAccountToken']>,
  serviceAccount: string,
  path: FieldPath,
): readonly FieldProblem[] {
  const at = [...path, 'expirationSeconds'];
  const { expirationSeconds: seconds = HOUR } = token;
  return [
    ...(serviceAccount === '' ? [forbidden(path, 'must not be specified when serviceAccountName is not set')] : []),
    ...(seconds < SHORTEST_TOKEN ? [invalid(at, seconds, 'may not specify a duration less than 10 minutes')] : []),
    ...(seconds > LONGEST_TOKEN ? [invalid(at, seconds, 'may not specify a duration larger than 2^32 seconds')] : []),
    ...validateFilePath(token.path, [...path, 'path']),
  ];
}

function validateTrustBundle(
  bundle: NonNullable<ProjectionSource['clusterTrustBundle']>,
  path: FieldPath,
): readonly FieldProblem[] {
  const { name, signerName, labelSelector } = bundle;
  const at = [...path, 'labelSelector'];
  return [
    ...(name !== undefined && signerName !== undefined
      ? [invalid(path, bundle, 'only one of name and signerName may be used')]
      : []),
    ...(name === undefined && signerName === undefined
      ? [required(path, 'either name or signerName must be specified')]
      : []),
    ...(name === '' ? [required([...path, 'name'], 'must be a valid object name')] : []),
    ...(signerName === '' ? [required([...path, 'signerName'], 'must be a valid signer name')] : []),
    ...(name !== undefined && labelSelector !== undefined
      ? [invalid(at, labelSelector, 'labelSelector must be unset if name is specified')]
      : []),
    ...validateFilePath(bundle.path, [...path, 'path']),
  ];
}

/** A certificate for the pod (KEP-4317). */
function validateCertificate(certificate: Partial<PodCertificateProjection>, path: FieldPath): readonly FieldProblem[] {
  const { credentialBundlePath, keyPath, certificateChainPath } = certificate;
  const paths = Object.entries({ credentialBundlePath, keyPath, certificateChainPath });
  return [
    ...syntax(certificate.signerName, qualifiedName, [...path, 'signerName']),
    ...requiredOneOf(certificate.keyType, KEY_TYPES, [...path, 'keyType']),
    ...given(certificate.maxExpirationSeconds, (seconds) =>
      between(seconds, HOUR, LONGEST_CERTIFICATE, [...path, 'maxExpirationSeconds']),
    ),
    ...paths.flatMap(([name, file]) => (file ? validateFilePath(file, [...path, name]) : [])),
    ...(credentialBundlePath || keyPath
      ? []
      : [required(path, 'specify at least one of credentialBundlePath and keyPath')]),
  ];
}

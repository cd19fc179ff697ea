import type { FieldPath } from './field-path.ts';
import { duplicate, forbidden, given, invalid, repeated, required, type FieldProblem } from './field-problem.ts';
import { dns1123Label } from './names.ts';
import { VOLUME_SOURCES } from './schema-volume.ts';
import type { PodSpec, Volume } from './types.ts';
import { syntax } from './validate-metadata.ts';
import { validateAbsolutePath } from './validate-paths.ts';
import { validateQuantity } from './validate-resources.ts';
import { oneOf } from './validate-values.ts';
import { validateDownwardFiles, validateObjectFiles, validateProjected } from './validate-volume-files.ts';

const HOST_PATH_TYPES = [
  '',
  'DirectoryOrCreate',
  'Directory',
  'FileOrCreate',
  'File',
  'Socket',
  'CharDevice',
  'BlockDevice',
];

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];

/** Checks a pod's volumes (`ValidateVolumes`). Sources that no node with Docker can have are refused by support.ts. */
export function validateVolumes(spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  const { volumes } = spec;
  return [
    ...volumes.flatMap((volume, index) => [
      ...syntax(volume.name, dns1123Label, [...path, index, 'name']),
      ...validateOnlySource(volume, [...path, index]),
      ...validateSource(volume, spec, [...path, index]),
    ]),
    ...repeated(volumes, ({ name }) => name).map((index) =>
      duplicate([...path, index, 'name'], volumes[index]?.name ?? ''),
    ),
  ];
}

function validateOnlySource(volume: Volume, path: FieldPath): readonly FieldProblem[] {
  const [, ...more] = VOLUME_SOURCES.filter((source) => volume[source] !== undefined);
  return more.map((source) => forbidden([...path, source], 'may not specify more than 1 volume type'));
}

/** `validateVolumeSource` */
function validateSource(volume: Volume, spec: PodSpec, path: FieldPath): readonly FieldProblem[] {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])].map(({ name }) => name);
  const serviceAccount = spec.serviceAccountName ?? '';
  const { hostPath, configMap, secret, downwardAPI, projected, nfs, image, persistentVolumeClaim: claim } = volume;
  return [
    ...given(volume.emptyDir?.sizeLimit, (size) => validateQuantity(size, [...path, 'emptyDir', 'sizeLimit'])),
    ...given(hostPath, (one) => validateHostPath(one, [...path, 'hostPath'])),
    ...given(configMap, (one) => validateObjectFiles(one, one.name, 'name', [...path, 'configMap'])),
    ...given(secret, (one) => validateObjectFiles(one, one.secretName, 'secretName', [...path, 'secret'])),
    ...given(downwardAPI, (one) => validateDownwardFiles(one, containers, [...path, 'downwardAPI'])),
    ...given(projected, (one) => validateProjected(one, containers, serviceAccount, [...path, 'projected'])),
    ...given(claim, ({ claimName }) => present(claimName, [...path, 'persistentVolumeClaim', 'claimName'])),
    ...given(nfs, (one) => validateNfs(one, [...path, 'nfs'])),
    ...given(image, (one) => validateImage(one, [...path, 'image'])),
  ];
}

function validateHostPath(source: NonNullable<Volume['hostPath']>, path: FieldPath): readonly FieldProblem[] {
  return [
    ...validateAbsolutePath(source.path, [...path, 'path']),
    ...oneOf(source.type ?? '', HOST_PATH_TYPES, [...path, 'type']),
  ];
}

/** A path of the server, whose own '..' does not leave what it exports. */
function validateNfs(source: NonNullable<Volume['nfs']>, path: FieldPath): readonly FieldProblem[] {
  const at = [...path, 'path'];
  return [
    ...present(source.server, [...path, 'server']),
    ...present(source.path, at),
    ...(source.path && !source.path.startsWith('/') ? [invalid(at, source.path, 'must be an absolute path')] : []),
  ];
}

/** The files of an image, without a container (KEP-4639). */
function validateImage(source: NonNullable<Volume['image']>, path: FieldPath): readonly FieldProblem[] {
  return [
    ...present(source.reference, [...path, 'reference']),
    ...oneOf(source.pullPolicy ?? 'IfNotPresent', PULL_POLICIES, [...path, 'pullPolicy']),
  ];
}

function present(value: string | undefined, path: FieldPath): readonly FieldProblem[] {
  return value === undefined || value === '' ? [required(path)] : [];
}

import type { FieldPath } from './field-path.ts';
import { duplicate, forbidden, invalid, notFound, required, unsupported, type FieldProblem } from './field-problem.ts';
import { dns1123Label } from './names.ts';
import { VOLUME_SOURCES } from './pod-schema.ts';
import { syntax } from './validate-metadata.ts';
import { validateQuantity } from './validate-resources.ts';
import type { Volume, VolumeMount } from './types.ts';

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

const PROPAGATION_MODES = ['None', 'HostToContainer', 'Bidirectional'];

/** Checks a pod's volumes (`ValidateVolumes`). */
export function validateVolumes(volumes: readonly Volume[], path: FieldPath): readonly FieldProblem[] {
  return volumes.flatMap((volume, index) => {
    const at = [...path, index];
    const first = volumes.findIndex(({ name }) => name === volume.name);
    return [
      ...syntax(volume.name, dns1123Label, [...at, 'name']),
      ...(volume.name !== undefined && first < index ? [duplicate([...at, 'name'], volume.name)] : []),
      ...validateSource(volume, at),
    ];
  });
}

function validateSource(volume: Volume, path: FieldPath): readonly FieldProblem[] {
  const [, ...more] = VOLUME_SOURCES.filter((source) => volume[source] !== undefined);
  return [
    ...more.map((source) => forbidden([...path, source], 'may not specify more than 1 volume type')),
    ...(volume.hostPath === undefined ? [] : validateHostPath(volume.hostPath, [...path, 'hostPath'])),
    ...(volume.emptyDir?.sizeLimit === undefined
      ? []
      : validateQuantity(volume.emptyDir.sizeLimit, [...path, 'emptyDir', 'sizeLimit'])),
  ];
}

function validateHostPath(source: NonNullable<Volume['hostPath']>, path: FieldPath): readonly FieldProblem[] {
  const { path: hostPath, type = '' } = source;
  return [
    ...validateAbsolutePath(hostPath, [...path, 'path']),
    ...(HOST_PATH_TYPES.includes(type) ? [] : [unsupported([...path, 'type'], type, HOST_PATH_TYPES)]),
  ];
}

function validateAbsolutePath(value: string | undefined, path: FieldPath): readonly FieldProblem[] {
  if (value === undefined || value === '') return [required(path)];
  if (!value.startsWith('/')) return [invalid(path, value, 'must be an absolute path')];
  return hasBackstep(value) ? [invalid(path, value, "must not contain '..'")] : noControl(value, path);
}

/** Checks a container's mounts (`ValidateVolumeMounts`). */
export function validateVolumeMounts(
  mounts: readonly VolumeMount[],
  volumes: readonly Volume[],
  path: FieldPath,
): readonly FieldProblem[] {
  return mounts.flatMap((mount, index) => {
    const at = [...path, index];
    const first = mounts.findIndex(({ mountPath }) => mountPath === mount.mountPath);
    return [
      ...validateReference(mount.name, volumes, [...at, 'name']),
      ...validateMountPath(mount.mountPath, first < index, [...at, 'mountPath']),
      ...validatePropagation(mount.mountPropagation, [...at, 'mountPropagation']),
      ...validateSubPath(mount.subPath, [...at, 'subPath']),
      ...validateSubPath(mount.subPathExpr, [...at, 'subPathExpr']),
    ];
  });
}

function validateReference(
  name: string | undefined,
  volumes: readonly Volume[],
  path: FieldPath,
): readonly FieldProblem[] {
  if (name === undefined || name === '') return [required(path)];
  return volumes.some((volume) => volume.name === name) ? [] : [notFound(path, name)];
}

function validateMountPath(value: string | undefined, repeated: boolean, path: FieldPath): readonly FieldProblem[] {
  if (value === undefined || value === '') return [required(path)];
  if (repeated) return [invalid(path, value, 'must be unique')];
  return value.includes(':') ? [invalid(path, value, "must not contain ':'")] : noControl(value, path);
}

function validatePropagation(mode: string | undefined, path: FieldPath): readonly FieldProblem[] {
  if (mode === undefined) return [];
  if (!PROPAGATION_MODES.includes(mode)) return [unsupported(path, mode, PROPAGATION_MODES)];
  // securityContext.privileged is what would allow it.
  return mode === 'Bidirectional' ? [forbidden(path, 'Bidirectional is available only to privileged containers')] : [];
}

function validateSubPath(value: string | undefined, path: FieldPath): readonly FieldProblem[] {
  if (value === undefined) return [];
  if (value.startsWith('/')) return [invalid(path, value, 'must be a relative path')];
  return hasBackstep(value) ? [invalid(path, value, "must not contain '..'")] : noControl(value, path);
}

function hasBackstep(path: string): boolean {
  return path.split('/').includes('..');
}

/** The kernel takes no NUL in a path, and logs and mount tables take no line break. */
export function noControl(value: string, path: FieldPath): readonly FieldProblem[] {
  return /[\u0000-\u001f\u007f]/.test(value) ? [invalid(path, value, 'must not contain control characters')] : [];
}

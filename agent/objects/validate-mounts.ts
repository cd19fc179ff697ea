import type { FieldPath } from './field-path.ts';
import { forbidden, given, invalid, notFound, required, unsupported, type FieldProblem } from './field-problem.ts';
import type { Container, Volume, VolumeMount } from './types.ts';
import { noControl, validateRelativePath } from './validate-paths.ts';

const PROPAGATION_MODES = ['None', 'HostToContainer', 'Bidirectional'];
const RECURSIVE_MODES = ['Disabled', 'IfPossible', 'Enabled'];

/** Checks a container's mounts (`ValidateVolumeMounts`). */
export function validateVolumeMounts(
  container: Container,
  volumes: readonly Volume[],
  path: FieldPath,
): readonly FieldProblem[] {
  const mounts = container.volumeMounts;
  const privileged = container.securityContext?.privileged === true;
  return mounts.flatMap((mount, index) => {
    const at = [...path, index];
    const first = mounts.findIndex(({ mountPath }) => mountPath === mount.mountPath);
    return [
      ...validateReference(mount.name, volumes, [...at, 'name']),
      ...validateMountPath(mount.mountPath, first < index, [...at, 'mountPath']),
      ...validatePropagation(mount.mountPropagation, privileged, [...at, 'mountPropagation']),
      ...validateSubPaths(mount, at),
      ...validateRecursive(mount, [...at, 'recursiveReadOnly']),
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

function validateMountPath(value: string | undefined, isRepeated: boolean, path: FieldPath): readonly FieldProblem[] {
  if (value === undefined || value === '') return [required(path)];
  if (isRepeated) return [invalid(path, value, 'must be unique')];
  return value.includes(':') ? [invalid(path, value, "must not contain ':'")] : noControl(value, path);
}

/** What a container mounts reaches the host only from one that could do it anyhow. */
function validatePropagation(mode: string | undefined, privileged: boolean, path: FieldPath): readonly FieldProblem[] {
  if (mode === undefined) return [];
  if (!PROPAGATION_MODES.includes(mode)) return [unsupported(path, mode, PROPAGATION_MODES)];
  if (mode !== 'Bidirectional' || privileged) return [];
  return [forbidden(path, 'Bidirectional mount propagation is available only to privileged containers')];
}

function validateSubPaths({ subPath = '', subPathExpr = '' }: VolumeMount, path: FieldPath): readonly FieldProblem[] {
  const at = [...path, 'subPathExpr'];
  return [
    ...validateRelativePath(subPath, [...path, 'subPath']),
    ...validateRelativePath(subPathExpr, at),
    ...(subPath !== '' && subPathExpr !== ''
      ? [invalid(at, subPathExpr, 'subPathExpr and subPath are mutually exclusive')]
      : []),
  ];
}

/** Mounts beneath a read-only one can be made read-only too, if they are it and come from nowhere else (KEP-3857). */
function validateRecursive(mount: VolumeMount, path: FieldPath): readonly FieldProblem[] {
  return given(mount.recursiveReadOnly, (mode) => {
    if (!RECURSIVE_MODES.includes(mode)) return [unsupported(path, mode, RECURSIVE_MODES)];
    if (mode === 'Disabled') return [];
    return [
      ...(mount.readOnly === true ? [] : [forbidden(path, 'may only be specified when readOnly is true')]),
      ...((mount.mountPropagation ?? 'None') === 'None'
        ? []
        : [forbidden(path, 'may only be specified when mountPropagation is None or not specified')]),
    ];
  });
}

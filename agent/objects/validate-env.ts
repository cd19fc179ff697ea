import type { IEnvFromSource } from 'kubernetes-models/v1';
import type { FieldPath } from './field-path.ts';
import { given, invalid, notFound, type FieldProblem } from './field-problem.ts';
import { configMapKey, dns1123Subdomain, envName } from './names.ts';
import type { EnvVar, EnvVarSource, FileKeyRef, Volume } from './types.ts';
import { check, syntax } from './validate-metadata.ts';
import { validateFilePath } from './validate-paths.ts';
import { ENV_FIELDS, validateFieldRef, validateResourceRef } from './validate-references.ts';

/** What variables can refer to in their pod. */
export interface EnvScope {
  readonly volumes: readonly Volume[];
  /** Names of app and init containers. */
  readonly containerNames: readonly string[];
}

const MORE_THAN_ONE = 'may not have more than one field specified at a time';

/** Checks a container's variables (`ValidateEnv`). */
export function validateEnv(env: readonly EnvVar[], scope: EnvScope, path: FieldPath): readonly FieldProblem[] {
  return env.flatMap(({ name, value = '', valueFrom }, index) => [
    ...syntax(name, envName, [...path, index, 'name']),
    ...(value.includes('\0') ? [invalid([...path, index, 'value'], '', 'must not contain NUL')] : []),
    ...given(valueFrom, (source) => validateValueFrom(source, value, scope, [...path, index, 'valueFrom'])),
  ]);
}

/** Exactly one source, and no value beside it (`validateEnvVarValueFrom`). */
function validateValueFrom(
  source: EnvVarSource,
  value: string,
  scope: EnvScope,
  path: FieldPath,
): readonly FieldProblem[] {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  const sources = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef];
  const count = sources.filter((one) => one !== undefined).length;
  return [
    ...given(fieldRef, (ref) => validateFieldRef(ref, ENV_FIELDS, [...path, 'fieldRef'])),
    ...given(resourceFieldRef, (ref) =>
      validateResourceRef(ref, scope.containerNames, false, [...path, 'resourceFieldRef']),
    ),
    ...given(configMapKeyRef, (ref) => validateKeyRef(ref, [...path, 'configMapKeyRef'])),
    ...given(secretKeyRef, (ref) => validateKeyRef(ref, [...path, 'secretKeyRef'])),
    ...given(fileKeyRef, (ref) => validateFileKeyRef(ref, scope.volumes, [...path, 'fileKeyRef'])),
    ...validateCount(count, value, path),
  ];
}

function validateCount(count: number, value: string, path: FieldPath): readonly FieldProblem[] {
  if (count === 0) {
    const sources = '`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';
    return [invalid(path, '', `must specify one of: ${sources}`)];
  }
  if (value !== '') return [invalid(path, '', 'may not be specified when `value` is not empty')];
  return count > 1 ? [invalid(path, '', MORE_THAN_ONE)] : [];
}

function validateKeyRef(ref: { name?: string; key?: string }, path: FieldPath): readonly FieldProblem[] {
  return [
    ...check(ref.name ?? '', dns1123Subdomain, [...path, 'name']),
    ...syntax(ref.key, configMapKey, [...path, 'key']),
  ];
}

/** A key of a file in one of the pod's emptyDirs (KEP-3721). */
function validateFileKeyRef(
  ref: Partial<FileKeyRef>,
  volumes: readonly Volume[],
  path: FieldPath,
): readonly FieldProblem[] {
  const at = [...path, 'volumeName'];
  const { volumeName = '' } = ref;
  const volume = volumes.find(({ name }) => name === volumeName);
  return [
    ...(volume === undefined ? [notFound(at, volumeName)] : []),
    ...(volume !== undefined && volume.emptyDir === undefined
      ? [invalid(at, volumeName, 'must be the name of an emptyDir volume')]
      : []),
    ...validateFilePath(ref.path, [...path, 'path']),
    ...syntax(ref.key, envName, [...path, 'key']),
  ];
}

/** Checks where a container takes whole sets of variables from (`ValidateEnvFrom`). */
export function validateEnvFrom(sources: readonly IEnvFromSource[], path: FieldPath): readonly FieldProblem[] {
  return sources.flatMap(({ prefix = '', configMapRef, secretRef }, index) => {
    const at = [...path, index];
    return [
      ...(prefix === '' ? [] : check(prefix, envName, [...at, 'prefix'])),
      ...given(configMapRef, ({ name }) => syntax(name, dns1123Subdomain, [...at, 'configMapRef', 'name'])),
      ...given(secretRef, ({ name }) => syntax(name, dns1123Subdomain, [...at, 'secretRef', 'name'])),
      ...(configMapRef === undefined && secretRef === undefined
        ? [invalid(at, '', 'must specify one of: `configMapRef` or `secretRef`')]
        : []),
      ...(configMapRef !== undefined && secretRef !== undefined ? [invalid(at, '', MORE_THAN_ONE)] : []),
    ];
  });
}

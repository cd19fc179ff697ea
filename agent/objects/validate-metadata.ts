import type { FieldPath } from './field-path.ts';
import { forbidden, invalid, required, type FieldProblem } from './field-problem.ts';
import { dns1123Label, dns1123Subdomain, labelValue, qualifiedName, uid } from './names.ts';
import { CONFIG_MIRROR } from './static-pod.ts';
import type { PodMetadata } from './types.ts';

/** All annotations of an object together, in bytes (`TotalAnnotationSizeLimitB`, apimachinery `api/validation`). */
const MAX_ANNOTATION_BYTES = 256 * 1024;

/** Checks a static pod's metadata, as apimachinery's `ValidateObjectMeta` and, for the UID, as its use in paths demands. */
export function validateMetadata(metadata: PodMetadata, path: FieldPath): readonly FieldProblem[] {
  return [
    ...syntax(metadata.name, dns1123Subdomain, [...path, 'name']),
    ...syntax(metadata.namespace, dns1123Label, [...path, 'namespace']),
    ...(metadata.uid === '' ? [] : syntax(metadata.uid, uid, [...path, 'uid'])),
    ...validateLabels(metadata.labels, [...path, 'labels']),
    ...validateAnnotations(metadata.annotations, [...path, 'annotations']),
    ...(metadata.deletionTimestamp === undefined
      ? []
      : [forbidden([...path, 'deletionTimestamp'], 'remove the manifest to stop its pod')]),
  ];
}

function validateLabels(labels: Readonly<Record<string, string>>, path: FieldPath): readonly FieldProblem[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...syntax(key, qualifiedName, path),
    ...check(value, labelValue, [...path, { key }]),
  ]);
}

function validateAnnotations(annotations: Readonly<Record<string, string>>, path: FieldPath): readonly FieldProblem[] {
  const entries = Object.entries(annotations);
  const bytes = entries.reduce((total, [key, value]) => total + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  const tooLong: FieldProblem = {
    path,
    severity: 'error',
    message: `Too long: may not be more than ${MAX_ANNOTATION_BYTES} bytes`,
  };
  return [
    ...entries.flatMap(([key]) => check(key.toLowerCase(), qualifiedName, path, key)),
    ...(bytes > MAX_ANNOTATION_BYTES ? [tooLong] : []),
    ...(Object.hasOwn(annotations, CONFIG_MIRROR)
      ? [forbidden([...path, { key: CONFIG_MIRROR }], 'marks the API server’s copy of a static pod')]
      : []),
  ];
}

/** Checks a name that must be there. */
export function syntax(
  value: string | undefined,
  rule: (value: string) => string | undefined,
  path: FieldPath,
): readonly FieldProblem[] {
  return value === undefined || value === '' ? [required(path)] : check(value, rule, path);
}

/** Checks a value against a rule of names.ts. */
export function check(
  value: string,
  rule: (value: string) => string | undefined,
  path: FieldPath,
  shown = value,
): readonly FieldProblem[] {
  const detail = rule(value);
  return detail === undefined ? [] : [invalid(path, shown, detail)];
}

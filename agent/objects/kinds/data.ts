import type { FieldPath } from '../field-path.ts';
import { invalid, type FieldProblem } from '../field-problem.ts';
import { check } from '../validate-metadata.ts';

/*
 * Keys and values of ConfigMaps and Secrets (`ValidateConfigMap`, `ValidateSecret` in pkg/apis/core/validation;
 * `IsConfigMapKey` in apimachinery's util/validation).
 */

/** All values of one object together, decoded (`MaxSecretSize`, pkg/apis/core/types.go). */
const MAX_BYTES = 1024 * 1024;

const KEY = /^[-._a-zA-Z0-9]+$/;

/** Keys become file names in volumes. */
function dataKey(value: string): string | undefined {
  return value.length <= 253 && KEY.test(value) && value !== '.' && !value.startsWith('..')
    ? undefined
    : "must be a file name of at most 253 of letters, digits, '-', '_' and '.', not '.', and not beginning with '..'";
}

export function validateKeys(
  data: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
): readonly FieldProblem[] {
  return Object.keys(data ?? {}).flatMap((key) => check(key, dataKey, [...path, { key }]));
}

/** @param shown what a message shows instead of a value */
export function validateBase64(
  data: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
  shown?: string,
): readonly FieldProblem[] {
  return Object.entries(data ?? {})
    .filter(([, value]) => !isBase64(value))
    .map(([key, value]) => invalid([...path, { key }], shown ?? value, 'must be base64 with padding'));
}

/** @param bytes of all values together */
export function validateSize(bytes: number, path: FieldPath): readonly FieldProblem[] {
  if (bytes <= MAX_BYTES) return [];
  return [{ path, severity: 'error', message: `Too long: may not be more than ${MAX_BYTES} bytes` }];
}

/** Standard alphabet with padding; line breaks do not count. What Go's decoder takes for a `[]byte` in JSON. */
export function isBase64(value: string): boolean {
  const text = withoutBreaks(value);
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

/** The same bytes in one line of base64. */
export function oneLine(data: Readonly<Record<string, string>>): Record<string, string> {
  return mapValues(data, withoutBreaks);
}

export function mapValues(
  data: Readonly<Record<string, string>>,
  change: (value: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, change(value)]));
}

export function decodedBytes(base64: Readonly<Record<string, string>> | undefined): number {
  return Object.values(base64 ?? {}).reduce(
    (total, value) => total + Buffer.byteLength(withoutBreaks(value), 'base64'),
    0,
  );
}

function withoutBreaks(text: string): string {
  return text.replace(/[\r\n]/g, '');
}

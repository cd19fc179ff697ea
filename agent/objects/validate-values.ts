import { isIP } from 'node:net';
import type { FieldPath } from './field-path.ts';
import { invalid, required, unsupported, type FieldProblem } from './field-problem.ts';
import { portName } from './names.ts';
import { check } from './validate-metadata.ts';

const MAX_INT32 = 2 ** 31 - 1;

/** A value that must be one of a few. */
export function oneOf(value: string, supported: readonly string[], path: FieldPath): readonly FieldProblem[] {
  return supported.includes(value) ? [] : [unsupported(path, value, supported)];
}

/** A value that must be there and one of a few. */
export function requiredOneOf(
  value: string | undefined,
  supported: readonly string[],
  path: FieldPath,
  detail = '',
): readonly FieldProblem[] {
  return value === undefined || value === '' ? [required(path, detail)] : oneOf(value, supported, path);
}

export function notNegative(value: number, path: FieldPath): readonly FieldProblem[] {
  return value >= 0 ? [] : [invalid(path, value, 'must be greater than or equal to 0')];
}

export function positive(value: number, path: FieldPath): readonly FieldProblem[] {
  return value > 0 ? [] : [invalid(path, value, 'must be greater than 0')];
}

export function between(value: number, least: number, most: number, path: FieldPath): readonly FieldProblem[] {
  return value >= least && value <= most
    ? []
    : [invalid(path, value, `must be between ${least} and ${most}, inclusive`)];
}

/** A user or group of the kernel. */
export function validateId(id: number | undefined, path: FieldPath): readonly FieldProblem[] {
  return id === undefined ? [] : between(id, 0, MAX_INT32, path);
}

export function validateIp(value: string | undefined, path: FieldPath): readonly FieldProblem[] {
  const text = value ?? '';
  return isIP(text) === 0 ? [invalid(path, text, 'must be a valid IP address')] : [];
}

export function validatePortNumber(port: number, path: FieldPath): readonly FieldProblem[] {
  return between(port, 1, 65_535, path);
}

/** A port, or the name of one of the container's (`ValidatePortNumOrName`). */
export function validatePort(port: number | string | undefined, path: FieldPath): readonly FieldProblem[] {
  if (port === undefined) return [required(path)];
  return typeof port === 'number' ? validatePortNumber(port, path) : check(port, portName, path);
}

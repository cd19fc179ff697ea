import type { FieldPath } from './field-path.ts';
import { invalid, required, type FieldProblem } from './field-problem.ts';

/** A path on the host: absolute and without '..', since links are resolved beneath it. */
export function validateAbsolutePath(value: string | undefined, path: FieldPath): readonly FieldProblem[] {
  if (value === undefined || value === '') return [required(path)];
  if (!value.startsWith('/')) return [invalid(path, value, 'must be an absolute path')];
  return hasBackstep(value) ? [invalid(path, value, "must not contain '..'")] : noControl(value, path);
}

/** A path in a directory that it may not leave (`validateLocalDescendingPath`). */
export function validateRelativePath(value: string, path: FieldPath): readonly FieldProblem[] {
  if (value.startsWith('/')) return [invalid(path, value, 'must be a relative path')];
  return hasBackstep(value) ? [invalid(path, value, "must not contain '..'")] : noControl(value, path);
}

/** A file in a volume made from objects, whose `..data` must stay its own (`ValidateLocalNonReservedPath`). */
export function validateFilePath(value: string | undefined, path: FieldPath): readonly FieldProblem[] {
  if (value === undefined || value === '') return [required(path)];
  const problems = validateRelativePath(value, path);
  if (problems.length > 0 || !value.startsWith('..')) return problems;
  return [invalid(path, value, "must not start with '..'")];
}

/** Permission bits of a file. */
export function validateMode(mode: number | undefined, path: FieldPath): readonly FieldProblem[] {
  if (mode === undefined || (mode >= 0 && mode <= 0o777)) return [];
  return [invalid(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive')];
}

/** The kernel takes no NUL in a path, and logs and mount tables take no line break. */
export function noControl(value: string, path: FieldPath): readonly FieldProblem[] {
  return /[\u0000-\u001f\u007f]/.test(value) ? [invalid(path, value, 'must not contain control characters')] : [];
}

function hasBackstep(path: string): boolean {
  return path.split('/').includes('..');
}

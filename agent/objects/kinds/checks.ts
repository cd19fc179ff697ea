import type { FieldPath } from '../field-path.ts';
import { invalid, unsupported, type FieldProblem } from '../field-problem.ts';

export function oneOf(value: string, supported: readonly string[], path: FieldPath): readonly FieldProblem[] {
  return supported.includes(value) ? [] : [unsupported(path, value, supported)];
}

/** The kernel takes no NUL in a path, and logs and mount tables take no line break. */
export function noControl(value: string, path: FieldPath): readonly FieldProblem[] {
  return /[\u0000-\u001f\u007f]/.test(value) ? [invalid(path, value, 'must not contain control characters')] : [];
}

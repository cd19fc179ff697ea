import type { FieldPath } from './field-path.ts';

/** What is wrong with one field. The kinds of messages are those of apimachinery's `util/validation/field`. */
export interface FieldProblem {
  readonly path: FieldPath;
  readonly severity: 'error' | 'warning';
  readonly message: string;
}

export function required(path: FieldPath, detail = ''): FieldProblem {
  return problem(path, `Required value${suffix(detail)}`);
}

export function invalid(path: FieldPath, value: unknown, detail: string): FieldProblem {
  return problem(path, `Invalid value: ${quote(value)}: ${detail}`);
}

export function unsupported(path: FieldPath, value: string, supported: readonly string[]): FieldProblem {
  return problem(path, `Unsupported value: ${quote(value)}: supported values: ${supported.map(quote).join(', ')}`);
}

export function duplicate(path: FieldPath, value: unknown): FieldProblem {
  return problem(path, `Duplicate value: ${quote(value)}`);
}

export function forbidden(path: FieldPath, detail: string): FieldProblem {
  return problem(path, `Forbidden: ${detail}`);
}

export function notFound(path: FieldPath, value: string): FieldProblem {
  return problem(path, `Not found: ${quote(value)}`);
}

/** A list with more items than are allowed. */
export function tooMany(path: FieldPath, count: number, most: number): FieldProblem {
  return problem(path, `Too many: ${count}: must have at most ${most} items`);
}

export function tooLong(path: FieldPath, bytes: number): FieldProblem {
  return problem(path, `Too long: may not be more than ${bytes} bytes`);
}

/** Checks a value that need not be there. */
export function given<T>(value: T | undefined, rule: (value: T) => readonly FieldProblem[]): readonly FieldProblem[] {
  return value === undefined ? [] : rule(value);
}

/** The positions of items whose key an earlier item has; absent and empty keys do not count. */
export function repeated<T>(items: readonly T[], key: (item: T) => string | undefined): readonly number[] {
  const seen = new Set<string>();
  return items.flatMap((item, index) => {
    const name = key(item);
    if (name === undefined || name === '') return [];
    if (seen.has(name)) return [index];
    seen.add(name);
    return [];
  });
}

export function warning(path: FieldPath, message: string): FieldProblem {
  return { path, severity: 'warning', message };
}

function problem(path: FieldPath, message: string): FieldProblem {
  return { path, severity: 'error', message };
}

function suffix(detail: string): string {
  return detail === '' ? '' : `: ${detail}`;
}

/** A value in a message: JSON, cut so that one bad field cannot fill a log. */
function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 120 ? text : `${text.slice(0, 117)}...`;
}

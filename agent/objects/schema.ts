import type { FieldPath } from './field-path.ts';
import { invalid, warning, type FieldProblem } from './field-problem.ts';
import { isJsonList, isJsonObject, typeName, type JsonObject, type JsonValue } from './json.ts';

/** What a JSON value must look like. */
export type Shape =
  | ScalarShape
  | { readonly list: Shape }
  | { readonly map: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> };

/**
 * `integer` is a whole number that JavaScript holds exactly; `intOrString` is one or text, such as a port and its name;
 * `quantity` is text or a number, whose syntax is checked elsewhere.
 */
type ScalarShape = 'string' | 'boolean' | 'integer' | 'intOrString' | 'quantity' | 'any';

/**
 * Compares a value with its shape. A wrong type is an error, as for the API server's decoder; a field that the shape does not
 * have is a warning, since the kubelet's decoder passes over it.
 */
export function checkShape(value: JsonValue, shape: Shape, path: FieldPath): readonly FieldProblem[] {
  if (typeof shape === 'string') return checkScalar(value, shape, path);
  if ('list' in shape) {
    if (!isJsonList(value)) return [wrongType(value, 'a list', path)];
    return value.flatMap((item, index) => checkShape(item, shape.list, [...path, index]));
  }
  if (!isJsonObject(value)) return [wrongType(value, 'an object', path)];
  if ('fields' in shape) return checkFields(value, shape.fields, path);
  return Object.entries(value).flatMap(([key, item]) => checkShape(item, shape.map, [...path, { key }]));
}

function checkFields(
  value: JsonObject,
  fields: Readonly<Record<string, Shape>>,
  path: FieldPath,
): readonly FieldProblem[] {
  return Object.entries(value).flatMap(([name, item]) => {
    const shape = Object.hasOwn(fields, name) ? fields[name] : undefined;
    const at = [...path, name];
    return shape === undefined ? [warning(at, unknownField(name, fields))] : checkShape(item, shape, at);
  });
}

/** Case and plural are the usual mistakes. */
function unknownField(name: string, fields: Readonly<Record<string, Shape>>): string {
  const plain = (text: string): string => text.toLowerCase().replace(/s$/, '');
  const meant = Object.keys(fields).find((known) => plain(known) === plain(name));
  return `unknown field ${JSON.stringify(name)}: it has no effect${meant === undefined ? '' : `; is it "${meant}"?`}`;
}

function checkScalar(value: JsonValue, shape: ScalarShape, path: FieldPath): readonly FieldProblem[] {
  switch (shape) {
    case 'any':
      return [];
    case 'quantity':
      return typeof value === 'string' || typeof value === 'number' ? [] : [wrongType(value, 'a quantity', path)];
    case 'integer':
      return Number.isSafeInteger(value) ? [] : [wrongType(value, 'a whole number', path)];
    case 'intOrString':
      return typeof value === 'string' || Number.isSafeInteger(value)
        ? []
        : [wrongType(value, 'a whole number or a string', path)];
    case 'boolean':
      return typeof value === 'boolean' ? [] : [wrongType(value, 'a boolean', path)];
    case 'string':
      return typeof value === 'string' ? [] : [wrongType(value, 'a string', path)];
  }
}

function wrongType(value: JsonValue, wanted: string, path: FieldPath): FieldProblem {
  const scalar = typeof value === 'number' || typeof value === 'boolean';
  const hint = wanted === 'a string' && scalar ? ' (put it in quotes)' : '';
  return invalid(path, value, `must be ${wanted}, not ${typeName(value)}${hint}`);
}

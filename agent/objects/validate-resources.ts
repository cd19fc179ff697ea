import type { FieldPath } from './field-path.ts';
import { invalid, type FieldProblem } from './field-problem.ts';
import { qualifiedName } from './names.ts';
import { parseQuantity, type Quantity } from './quantity.ts';
import { CONTAINER_RESOURCES } from './support.ts';
import type { Container } from './types.ts';

type Quantities = Readonly<Record<string, number | string>>;

const QUANTITY_FORM = 'must be a quantity, such as 500m, 0.5, 128Mi or 1G';

/**
 * Checks the requests and limits of a container or of a whole pod (`ValidateContainerResourceRequirements`,
 * `validatePodResourceRequirements`).
 */
export function validateResources(
  resources: Container['resources'],
  path: FieldPath,
  known: readonly string[] = CONTAINER_RESOURCES,
): readonly FieldProblem[] {
  const { limits = {}, requests = {} } = resources;
  return [
    ...validateList(limits, known, [...path, 'limits']),
    // Requests that defaulting took from limits would repeat the limit's problem.
    ...validateList(requests, known, [...path, 'requests'], (name) => limits[name] === requests[name]),
    ...Object.keys(requests).flatMap((name) => withinLimit(name, requests, limits, [...path, 'requests'])),
  ];
}

function validateList(
  list: Quantities,
  known: readonly string[],
  path: FieldPath,
  skip: (name: string) => boolean = () => false,
): readonly FieldProblem[] {
  return Object.entries(list)
    .filter(([name]) => !skip(name))
    .flatMap(([name, value]) => {
      const at = [...path, { key: name }];
      return [...validateName(name, known, at), ...validateQuantity(value, at)];
    });
}

function validateName(name: string, known: readonly string[], path: FieldPath): readonly FieldProblem[] {
  if (known.includes(name)) return [];
  const extended = name.includes('/') || name.startsWith('hugepages-');
  if (extended && qualifiedName(name) === undefined) return [{ path, severity: 'error', message: 'not supported yet' }];
  return [invalid(path, name, `must be one of ${known.join(', ')}`)];
}

/** Checks a quantity that may not be negative. */
export function validateQuantity(value: number | string, path: FieldPath): readonly FieldProblem[] {
  const quantity = parseQuantity(value);
  if (quantity === undefined) return [invalid(path, value, QUANTITY_FORM)];
  return quantity < 0n ? [invalid(path, value, 'must be greater than or equal to 0')] : [];
}

function withinLimit(name: string, requests: Quantities, limits: Quantities, path: FieldPath): readonly FieldProblem[] {
  const [request, limit] = [read(requests, name), read(limits, name)];
  if (request === undefined || limit === undefined || request <= limit) return [];
  return [invalid(path, requests[name], `must be less than or equal to ${name} limit of ${limits[name] ?? ''}`)];
}

function read(list: Quantities, name: string): Quantity | undefined {
  const value = Object.hasOwn(list, name) ? list[name] : undefined;
  return value === undefined ? undefined : parseQuantity(value);
}

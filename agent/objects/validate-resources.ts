import type { FieldPath } from './field-path.ts';
import { forbidden, invalid, required, type FieldProblem } from './field-problem.ts';
import { qualifiedName } from './names.ts';
import { parseQuantity, unitValue, type Quantity } from './quantity.ts';
import { CONTAINER_RESOURCES } from './support.ts';
import type { Container } from './types.ts';

type Quantities = Readonly<Record<string, number | string>>;

/** Stands for the resources of every size of huge pages. */
const HUGEPAGES = 'hugepages-';
const UNIT = 1_000_000_000n;

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
    ...validateHugepages(requests, limits, path),
  ];
}

/** Huge pages cannot be promised twice, and whole pages only; who uses them also needs CPU or memory of the usual kind. */
function validateHugepages(requests: Quantities, limits: Quantities, path: FieldPath): readonly FieldProblem[] {
  const names = [...new Set([...Object.keys(requests), ...Object.keys(limits)])];
  const huge = names.filter((name) => hugepageBytes(name) !== undefined);
  const isAlone = huge.length > 0 && !names.some((name) => name === 'cpu' || name === 'memory');
  return [
    ...(isAlone ? [forbidden(path, 'HugePages require cpu or memory')] : []),
    ...huge.flatMap((name) => {
      const [request, limit] = [read(requests, name), read(limits, name)];
      const at: FieldPath = [...path, 'limits', { key: name }];
      if (limit === undefined) return [required(at, 'Limit must be set for non overcommitable resources')];
      const page = BigInt(hugepageBytes(name) ?? 0) * UNIT;
      const whole = limit % page === 0n ? [] : [invalid(at, limits[name], 'must be a multiple of the page size')];
      if (request === undefined || request === limit) return whole;
      const detail = `must be equal to ${name} limit of ${limits[name] ?? ''}`;
      return [...whole, invalid([...path, 'requests', { key: name }], requests[name], detail)];
    }),
  ];
}

/** Bytes of a page of `hugepages-2Mi`; undefined for other names. */
function hugepageBytes(name: string): number | undefined {
  const size = name.startsWith(HUGEPAGES) ? parseQuantity(name.slice(HUGEPAGES.length)) : undefined;
  return size === undefined || size < UNIT ? undefined : unitValue(size);
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
  if (known.includes(name) || (known.includes(HUGEPAGES) && hugepageBytes(name) !== undefined)) return [];
  const extended = name.includes('/');
  if (extended && qualifiedName(name) === undefined) return [{ path, severity: 'error', message: 'not supported yet' }];
  return [
    invalid(
      path,
      name,
      `must be one of ${known.map((one) => (one === HUGEPAGES ? `${HUGEPAGES}<size>` : one)).join(', ')}`,
    ),
  ];
}

/** Checks a quantity that may not be negative. */
export function validateQuantity(value: number | string, path: FieldPath): readonly FieldProblem[] {
  const quantity = parseQuantity(value);
  if (quantity === undefined) return [invalid(path, value, QUANTITY_FORM)];
  return quantity < 0n ? [invalid(path, value, 'must be greater than or equal to 0')] : [];
}

function withinLimit(name: string, requests: Quantities, limits: Quantities, path: FieldPath): readonly FieldProblem[] {
  const [request, limit] = [read(requests, name), read(limits, name)];
  if (request === undefined || limit === undefined || request <= limit || hugepageBytes(name) !== undefined) return [];
  return [invalid(path, requests[name], `must be less than or equal to ${name} limit of ${limits[name] ?? ''}`)];
}

function read(list: Quantities, name: string): Quantity | undefined {
  const value = Object.hasOwn(list, name) ? list[name] : undefined;
  return value === undefined ? undefined : parseQuantity(value);
}

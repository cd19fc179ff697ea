/** A key of a free-form map (labels, limits), which paths print in brackets, unlike a field of the schema. */
export interface MapKey {
  readonly key: string;
}

/** Where a value is in an object: field names, list indices and map keys. */
export type FieldPath = readonly (string | number | MapKey)[];

/** Prints a path as the API server does: `spec.containers[0].resources.limits[cpu]`. */
export function formatPath(path: FieldPath): string {
  return path.map((step, index) => formatStep(step, index === 0)).join('');
}

function formatStep(step: string | number | MapKey, first: boolean): string {
  if (typeof step === 'number') return `[${step}]`;
  if (typeof step === 'object') return `[${step.key}]`;
  return first ? step : `.${step}`;
}

/** The list index or object key that a step stands for. */
export function stepKey(step: string | number | MapKey): string | number {
  return typeof step === 'object' ? step.key : step;
}

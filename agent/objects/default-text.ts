/** The value, or the default of an absent one. In Go an empty text is an absent one, and so it is here. */
export function or<T extends string>(value: T | undefined, fallback: NoInfer<T>): T {
  return value === undefined || value.length === 0 ? fallback : value;
}

/** The number, or the default of an absent one: for fields in which Go's 0 is an absent value. */
export function orNumber(value: number | undefined, fallback: number): number {
  return value === undefined || value === 0 ? fallback : value;
}

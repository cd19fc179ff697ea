const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const decimalSuffixes = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

/**
 * A whole number as Kubernetes writes it in a message, exact and as short as that allows: `90Mi`, `1000001Ki`, `4097`.
 * Numbers below 1024 are decimal (apimachinery `pkg/api/resource`, `CanonicalizeBytes`).
 */
export function renderQuantity(value: number): string {
  return value < 1024 ? shorten(value, 1000, decimalSuffixes) : shorten(value, 1024, binarySuffixes);
}

/** The same for what is counted and not measured in bytes: `12k`. */
export function renderCount(value: number): string {
  return shorten(value, 1000, decimalSuffixes);
}

function shorten(value: number, base: number, suffixes: readonly string[]): string {
  if (value === 0) return '0';
  const power = suffixes.findLastIndex((_, exponent) => value % base ** exponent === 0);
  return `${value / base ** power}${suffixes[power] ?? ''}`;
}

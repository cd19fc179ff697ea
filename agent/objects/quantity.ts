/*
 * Quantities as apimachinery's `pkg/api/resource` reads them: a decimal number with a binary suffix (Ki … Ei), a decimal
 * one (n u m k M G T P E) or an exponent (e3). Kept as a count of 10^-9 units, the finest that Kubernetes keeps; finer
 * parts are rounded up, and what is larger than an int64 becomes the largest int64.
 */

/** Billionths of the unit: 1 CPU and 1 byte are both 1,000,000,000n. */
export type Quantity = bigint;

const NANO = 1_000_000_000n;
const MAX: Quantity = (2n ** 63n - 1n) * NANO;

const SYNTAX = /^([+-]?)(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]?|[eE][+-]?\d+)$/;

/** Suffix to the power of its base. */
const BINARY = new Map(
  ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((suffix, index) => [suffix, 2n ** BigInt(10 * (index + 1))]),
);
const DECIMAL = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);

/** Longer numbers are mistakes, and arithmetic on them is not free. */
const MAX_LENGTH = 128;

/** Reads a quantity, or returns undefined when the text is none. */
export function parseQuantity(value: string | number): Quantity | undefined {
  const text = String(value);
  const match = text.length <= MAX_LENGTH ? SYNTAX.exec(text) : null;
  if (match === null) return undefined;
  const [, sign = '', digits = '', suffix = ''] = match;
  const [whole = '', fraction = ''] = digits.split('.');
  const mantissa = BigInt(`${whole}${fraction}` || '0');
  const magnitude = scale(mantissa, fraction.length, suffix);
  const capped = magnitude > MAX ? MAX : magnitude;
  return sign === '-' ? -capped : capped;
}

function scale(mantissa: bigint, decimals: number, suffix: string): Quantity {
  const binary = BINARY.get(suffix);
  if (binary !== undefined) return shiftDecimal(mantissa * binary, 9 - decimals);
  const exponent = DECIMAL.get(suffix) ?? Number(suffix.slice(1));
  return shiftDecimal(mantissa, exponent - decimals + 9);
}

/** `value * 10^places`, rounded up. Powers are bounded: beyond 200 places nothing but the cap or the rounding is left. */
function shiftDecimal(value: bigint, places: number): bigint {
  const power = 10n ** BigInt(Math.min(Math.abs(places), 200));
  return places >= 0 ? value * power : divideUp(value, power);
}

function divideUp(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value > 0n && value % divisor !== 0n ? quotient + 1n : quotient;
}

/** Thousandths, rounded up: milli-CPU. */
export function milliValue(quantity: Quantity): number {
  return Number(divideUp(quantity, 1_000_000n));
}

/** Whole units, rounded up: bytes. Beyond 2^53 the nearest number that JavaScript has. */
export function unitValue(quantity: Quantity): number {
  return Number(divideUp(quantity, NANO));
}

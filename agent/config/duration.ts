const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, the micro sign
  μs: 1e-3, // U+03BC, the Greek letter
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

const number = String.raw`(?:\d+\.?\d*|\.\d+)`;
const unit = '(?:ns|us|µs|μs|ms|s|m|h)';
const whole = new RegExp(`^([+-]?)((?:${number}${unit})+)$`);
const part = new RegExp(`(${number})(${unit})`, 'g');

/** Milliseconds of a duration as Go's `time.ParseDuration` reads it (`20s`, `1m30s`, `0`); undefined when the text is none. */
export function parseDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  const match = whole.exec(text);
  if (match === null) return undefined;
  const [, sign, parts = ''] = match;
  let ms = 0;
  for (const [, value, name] of parts.matchAll(part)) ms += Number(value) * (units[name ?? ''] ?? 0);
  return sign === '-' ? -ms : ms;
}

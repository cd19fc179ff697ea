/** cgroup v1 writes a limit that is none as the largest number of whole pages, below 8 EiB. */
const noLimit = 2 ** 62;

/** Numbers by field of a file such as `memory.stat` (flat keyed, in the words of `cgroup-v2.rst`). */
export function parseFlatKeyed(text: string): ReadonlyMap<string, number> {
  const fields = text.split('\n').map((line) => line.split(' '));
  return new Map(fields.flatMap(([name, value]) => (name && value ? [[name, Number(value)] as const] : [])));
}

/** The number that a file consists of; undefined for anything else, such as `max`. */
export function parseNumber(text: string | undefined): number | undefined {
  const number = text === undefined || text.trim() === '' ? Number.NaN : Number(text.trim());
  return Number.isFinite(number) ? number : undefined;
}

/** Bytes of a memory limit; undefined for none. */
export function parseLimit(text: string | undefined): number | undefined {
  const limit = parseNumber(text);
  return limit !== undefined && limit < noLimit ? limit : undefined;
}

/** Bytes of a line of `/proc/meminfo` (`MemTotal:  8123 kB`); undefined when there is no such line. */
export function parseMeminfo(text: string, field: string): number | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${field}:`));
  const [, kib] = /^\S+:\s+(\d+) kB$/.exec(line ?? '') ?? [];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

/**
 * Resource and bytes of a directory in `/sys/kernel/mm/hugepages`: 3 pages of `hugepages-2048kB` are `hugepages-2Mi` and
 * 6 MiB. Undefined for other names.
 */
export function renderHugepageResource(directory: string, pages: number): readonly [string, number] | undefined {
  const [, kib] = /^hugepages-(\d+)kB$/.exec(directory) ?? [];
  return kib === undefined ? undefined : [`hugepages-${binaryQuantity(Number(kib))}`, pages * Number(kib) * 1024];
}

/** `2Mi` for 2048: the shortest form that is exact. */
function binaryQuantity(kib: number): string {
  const suffixes = ['Ki', 'Mi', 'Gi', 'Ti'];
  const power = suffixes.findLastIndex((_, index) => kib % 1024 ** index === 0);
  return `${kib / 1024 ** power}${suffixes[power] ?? 'Ki'}`;
}

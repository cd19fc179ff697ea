import { expect, test } from 'vitest';
import { type MemoryFiles, parseMemory, workingSet } from '../../../agent/cgroups/memory-parse.ts';
import { parseFlatKeyed, parseLimit } from '../../../agent/cgroups/parse.ts';

test('memory.stat is read by field', () => {
  expect(parseFlatKeyed('cache 12\nrss 0\ntotal_inactive_file 7\n')).toEqual(
    new Map([
      ['cache', 12],
      ['rss', 0],
      ['total_inactive_file', 7],
    ]),
  );
});

test.each<readonly [string | undefined, number | undefined]>([
  ['max\n', undefined],
  ['9223372036854771712\n', undefined],
  ['104857600\n', 104_857_600],
  ['0\n', 0],
  ['', undefined],
  [undefined, undefined],
])('limit %j', (text, expected) => expect(parseLimit(text)).toBe(expected));

test('page cache that nobody touches is no use', () => expect(workingSet(100, 30)).toBe(70));

const none = { mappedFile: 0, pageFaults: 0, majorPageFaults: 0, limit: undefined };

test.each<[string, 1 | 2, MemoryFiles<string | undefined>, ReturnType<typeof parseMemory>]>([
  [
    'of cgroup v1 is that of the subtree',
    1,
    { usage: '100\n', stat: 'rss 1\ntotal_rss 60\ntotal_cache 40\ntotal_inactive_file 30\n', limit: '200\n' },
    { ...none, usage: 100, workingSet: 70, rss: 60, cache: 40, limit: 200 },
  ],
  ['of cgroup v1 is unknown without its sum', 1, { usage: undefined, stat: 'rss 1\n', limit: '200\n' }, undefined],
  [
    'of the root of cgroup v2 is added up',
    2,
    { usage: undefined, stat: 'anon 60\nfile 40\ninactive_file 30\n', limit: undefined },
    { ...none, usage: 100, workingSet: 70, rss: 60, cache: 40 },
  ],
  ['of a cgroup that is gone is unknown', 2, { usage: undefined, stat: undefined, limit: undefined }, undefined],
])('use %s', (_, version, texts, expected) => expect(parseMemory(version, texts)).toEqual(expected));

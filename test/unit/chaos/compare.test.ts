import { expect, it } from 'vitest';
import { compare } from '../../chaos/compare.ts';
import { growth } from '../../chaos/measure.ts';

it('differences name what is missing and what is too much, also of lines that come twice', () => {
  expect(compare('pod', ['a', 'b', 'b'], ['b', 'c', 'c'])).toEqual([
    'missing: pod a',
    'missing: pod b',
    'not wanted: pod c',
    'not wanted: pod c',
  ]);
  expect(compare('pod', ['a', 'b'], ['b', 'a'])).toEqual([]);
});

it('growth is a tenth of the heap and the connections that are kept', () => {
  const sockets = (count: number): readonly string[] => Array.from({ length: count }, () => 'socket');
  const before = { heap: 20e6, rss: 100e6, files: sockets(20) };
  expect(growth(before, { heap: 24e6, rss: 200e6, files: sockets(28) })).toEqual([]);
  expect(growth(before, { ...before, heap: 24.1e6 })).toEqual(['the heap grew from 20.0 MB to 24.1 MB']);
  expect(growth(before, { ...before, files: [...sockets(28), '/a'] })).toContain('not wanted: file descriptor /a');
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { killPlan, parseStat, type ProcessStat } from '../../../agent/runtime/docker/process-tree.ts';

const stat = (name: string, state = 'S'): string =>
  `42 (${name}) ${state} 7 42 40 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 0 0 18446744073709551615`;

describe('/proc/<pid>/stat', () => {
  test('whatever a process calls itself', () => {
    const expected = { pid: 42, parent: 7, session: 40, startTime: '987654' };
    fc.assert(
      fc.property(fc.string({ maxLength: 15 }), (name) => {
        expect(parseStat(stat(name))).toEqual(expected);
      }),
    );
    expect(parseStat(stat('a) Z 1 1 1'))).toEqual(expected);
  });

  test('the dead, and what is no such line', () => {
    for (const text of ['', '42', stat('x', 'Z'), stat('x', 'X'), stat('x').slice(0, 40)]) {
      expect(parseStat(text)).toBeUndefined();
    }
    fc.assert(fc.property(fc.string(), (text) => void parseStat(text)));
  });

  test('of this process', () => {
    expect(parseStat(readFileSync('/proc/self/stat', 'utf8'))).toMatchObject({
      pid: process.pid,
      parent: process.ppid,
    });
  });
});

describe('whom to kill', () => {
  const process_ = (pid: number, parent: number, session: number): ProcessStat => ({
    pid,
    parent,
    session,
    startTime: '1',
  });
  const plan = (list: readonly ProcessStat[], leader: number): readonly number[] =>
    killPlan(list, leader)
      .map(({ pid }) => pid)
      .sort((a, b) => a - b);

  test.each<[string, readonly ProcessStat[], readonly number[]]>([
    ['the leader alone', [process_(10, 2, 10), process_(11, 2, 11)], [10]],
    [
      'children and theirs, listed in any order',
      [process_(12, 11, 10), process_(11, 10, 10), process_(10, 2, 10)],
      [10, 11, 12],
    ],
    [
      'a child in a session of its own',
      [process_(10, 2, 10), process_(11, 10, 11), process_(12, 11, 11)],
      [10, 11, 12],
    ],
    ['an orphan of the session', [process_(10, 2, 10), process_(13, 1, 10)], [10, 13]],
    ['what a leader that has ended left', [process_(13, 1, 10), process_(14, 13, 14)], [13, 14]],
    ['nothing', [process_(2, 1, 2)], []],
  ])('%s', (_, list, expected) => {
    expect(plan(list, 10)).toEqual(expected);
  });

  test('who is killed has no child that is spared', () => {
    const processes = fc.uniqueArray(
      fc.record({
        pid: fc.integer({ min: 1, max: 30 }),
        parent: fc.nat(30),
        session: fc.nat(30),
        startTime: fc.constant('1'),
      }),
      { selector: ({ pid }) => pid },
    );
    fc.assert(
      fc.property(processes, fc.integer({ min: 1, max: 30 }), (list, leader) => {
        const killed = new Set(plan(list, leader));
        expect(list.filter(({ pid, parent }) => killed.has(parent) && !killed.has(pid))).toEqual([]);
      }),
    );
  });
});

import { describe, expect, test } from 'vitest';
import { parseDelay, parseSignal } from '../../../agent/shutdown/logind-render.ts';
import {
  shutdownGroups,
  type ShutdownFields,
  shutdownPeriods,
  shutdownProblems,
} from '../../../agent/shutdown/plan.ts';

const critical = 2_000_000_000;

test.each<[string, ShutdownFields, (readonly [number, number])[]]>([
  ['nothing', {}, []],
  ['not at all', { shutdownGracePeriod: 0, shutdownGracePeriodCriticalPods: 0 }, []],
  ['one period', { shutdownGracePeriod: 30_000 }, [[0, 30], [critical, 0]]], // prettier-ignore
  [
    'two periods',
    { shutdownGracePeriod: 30_000, shutdownGracePeriodCriticalPods: 10_000 },
    [[0, 20], [critical, 10]], // prettier-ignore
  ],
  [
    'by priority, in any order',
    {
      shutdownGracePeriodByPodPriority: [
        { priority: 1_000, shutdownGracePeriodSeconds: 60 },
        { priority: 0, shutdownGracePeriodSeconds: 180 },
      ],
    },
    [[0, 180], [1_000, 60]], // prettier-ignore
  ],
])('periods: %s', (_, fields, expected) => {
  expect(shutdownPeriods(fields).map(({ priority, seconds }) => [priority, seconds])).toEqual(expected);
});

test.each<[ShutdownFields, string[]]>([
  [{ shutdownGracePeriod: 30_000, shutdownGracePeriodCriticalPods: 10_000 }, []],
  [
    { shutdownGracePeriod: 1_000, shutdownGracePeriodCriticalPods: 2_000 },
    ['shutdownGracePeriodCriticalPods must not be longer than shutdownGracePeriod'],
  ],
  [{ shutdownGracePeriod: 10 }, ['shutdownGracePeriod must be 0 or at least 1s']],
  [
    {
      shutdownGracePeriod: 1_000,
      shutdownGracePeriodByPodPriority: [{ priority: 0, shutdownGracePeriodSeconds: 1 }],
    },
    ['shutdownGracePeriodByPodPriority excludes shutdownGracePeriod and shutdownGracePeriodCriticalPods'],
  ],
])('problems of %j', (fields, expected) => {
  expect(shutdownProblems(fields).map(({ field, message }) => `${field} ${message}`)).toEqual(expected);
});

describe('groups', () => {
  const pod = (priority: number | undefined): { readonly spec: { readonly priority?: number } } => ({
    spec: priority === undefined ? {} : { priority },
  });
  const periods = [100, 1_000, 10_000].map((priority) => ({ priority, seconds: 5 }));

  // The kubelet's own cases (nodeshutdown_manager_linux_test.go, Test_groupByPriority), by number.
  test('a pod is of the highest period that is not above it; of the lowest when all are', () => {
    const pods = [undefined, -5, 99, 100, 500, 1_000, 9_999, 10_000, critical].map(pod);
    const groups = shutdownGroups(periods, pods);
    expect(groups.map(({ priority, pods: own }) => [priority, own.map(({ spec }) => spec.priority)])).toEqual([
      [100, [undefined, -5, 99, 100, 500]],
      [1_000, [1_000, 9_999]],
      [10_000, [10_000, critical]],
    ]);
  });

  test('those without pods are left out', () => {
    expect(shutdownGroups(periods, [pod(1_000)]).map(({ priority }) => priority)).toEqual([1_000]);
  });
});

test.each<[string, boolean | undefined]>([
  ['{"type":"signal","member":"PrepareForShutdown","payload":{"type":"b","data":[true]}}', true],
  ['{"type":"signal","member":"PrepareForShutdown","payload":{"type":"b","data":[false]}}', false],
  ['{"type":"signal","member":"PrepareForSleep","payload":{"type":"b","data":[true]}}', undefined],
  ['{"type":"signal","member":"PrepareForShutdown"}', undefined],
  ['Monitoring bus message stream.', undefined],
  ['null', undefined],
])('the message %s', (line, expected) => {
  expect(parseSignal(line)).toBe(expected);
});

test('the delay', () => {
  expect([parseDelay('t 5000000\n'), parseDelay('s "x"')]).toEqual([5, undefined]);
});

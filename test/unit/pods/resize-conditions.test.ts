import { expect, test } from 'vitest';
import type { PodCondition } from '../../../agent/objects/types.ts';
import type { PodPhase } from '../../../agent/pods/phase.ts';
import { noResize, resizeConditions, type ResizeState } from '../../../agent/pods/resize-conditions.ts';
import { pod, t0 } from './fixtures.ts';

const [before, now] = ['2025-12-31T00:00:00Z', '2026-01-01T00:00:00Z'];
const third = { ...pod(), metadata: { ...pod().metadata, generation: 3 } };

const one = (type: string, generation: number, since: string, why: object = {}): PodCondition => {
  return { type, status: 'True', observedGeneration: generation, lastTransitionTime: since, ...why };
};
const deferred = { reason: 'Deferred', message: 'later' } as const;
const infeasible = { reason: 'Infeasible', message: 'never' } as const;
const failed = { reason: 'Error', message: 'no' };
const [waits, isGiven] = ['PodResizePending', 'PodResizeInProgress'];

const progress = (error: string | undefined) => ({ containers: ['app'], error });

interface Case {
  readonly name: string;
  readonly resize: Partial<ResizeState>;
  readonly previous?: readonly PodCondition[];
  readonly phase?: PodPhase;
  readonly conditions: readonly PodCondition[];
}

test.each<Case>([
  { name: 'no resize', resize: {}, previous: [one(waits, 1, before, deferred)], conditions: [] },
  { name: 'one that waits', resize: { pending: deferred }, conditions: [one(waits, 3, now, deferred)] },
  {
    name: 'one that still waits, of another generation and for another amount',
    resize: { pending: deferred },
    previous: [one(waits, 2, before, { reason: 'Deferred', message: 'much later' })],
    conditions: [one(waits, 3, before, deferred)],
  },
  {
    name: 'one that cannot be any more',
    resize: { pending: infeasible },
    previous: [one(waits, 2, before, deferred)],
    conditions: [one(waits, 3, now, infeasible)],
  },
  {
    name: 'one that was granted',
    resize: { progress: progress(undefined), grantedGeneration: 2 },
    conditions: [one(isGiven, 2, now)],
  },
  {
    name: 'one that fails',
    resize: { progress: progress('no'), grantedGeneration: 2 },
    previous: [one(isGiven, 2, before)],
    conditions: [one(isGiven, 2, now, failed)],
  },
  {
    name: 'one that an earlier daemon has granted',
    resize: { progress: progress('no') },
    previous: [one(isGiven, 1, before, failed)],
    conditions: [one(isGiven, 1, before, failed)],
  },
  {
    name: 'one that nobody told of before',
    resize: { progress: progress(undefined) },
    conditions: [one(isGiven, 3, now)],
  },
  {
    name: 'another one before one is done',
    resize: { pending: infeasible, progress: progress('no'), grantedGeneration: 2 },
    conditions: [one(waits, 3, now, infeasible), one(isGiven, 2, now, failed)],
  },
  ...(['Succeeded', 'Failed'] as const).map((phase): Case => ({
    ...{ name: `a pod that has ${phase}`, phase, conditions: [] },
    resize: { pending: deferred, progress: progress('no') },
  })),
])('$name', ({ resize, previous = [], phase = 'Running', conditions }) => {
  const input = { pod: third, phase, previous: { conditions: [...previous] }, now: t0 };
  expect(resizeConditions({ ...input, resize: { ...noResize, ...resize } })).toEqual(conditions);
});

test('a pod without generations has conditions without them', () => {
  const input = { pod: pod(), phase: 'Running', previous: undefined, now: t0 } as const;
  expect(resizeConditions({ ...input, resize: { ...noResize, pending: deferred } })).toEqual([
    { type: waits, status: 'True', lastTransitionTime: now, ...deferred },
  ]);
});

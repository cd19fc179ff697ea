import { expect, test } from 'vitest';
import type { Pod } from '../../../agent/objects/types.ts';
import { takeDesired } from '../../../agent/pods/desired-plan.ts';

const pod = (deletion?: number): Pod =>
  ({
    metadata: {
      name: 'web',
      ...(deletion === undefined ? {} : { deletionTimestamp: 'then', deletionGracePeriodSeconds: deletion }),
    },
    spec: { terminationGracePeriodSeconds: 30 },
  }) as unknown as Pod;

const runs = { pod: pod(), terminating: false };
const ends = (seconds?: number) => ({ pod: pod(seconds), terminating: true });

test.each([
  ['an edit', runs, pod(), { terminating: false, interrupt: false, wake: true }],
  ['a manifest that goes', runs, undefined, { terminating: true, interrupt: true, wake: true }],
  ['a deletion', runs, pod(30), { terminating: true, interrupt: true, wake: true }],
  ['a manifest that comes back', ends(), pod(), { terminating: true, interrupt: false, wake: true }],
  ['a deletion that is told again', ends(10), pod(10), { terminating: true, interrupt: false, wake: true }],
  ['a deletion with less time', ends(10), pod(1), { terminating: true, interrupt: true, wake: true }],
  ['a deletion with more time', ends(1), pod(10), { terminating: true, interrupt: false, wake: true }],
  ['an object that is forced away', ends(10), undefined, { terminating: true, interrupt: false, wake: false }],
] as const)('%s', (_, record, desired, step) => {
  expect(takeDesired(record, desired)).toEqual({ pod: expected(record, desired), ...step });
});

function expected(record: { readonly pod: Pod; readonly terminating: boolean }, desired: Pod | undefined): Pod {
  const isTaken = desired !== undefined && (!record.terminating || desired.metadata.deletionTimestamp !== undefined);
  return isTaken ? desired : record.pod;
}

import { expect, test } from 'vitest';
import { createPodStarts } from '../../../agent/metrics/index.ts';
import { CONFIG_SEEN } from '../../../agent/objects/index.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { pod } from '../pods/fixtures.ts';

const seenAt = Date.UTC(2026, 0, 1);
const seen: Pod = {
  ...pod(),
  metadata: { ...pod().metadata, annotations: { [CONFIG_SEEN]: new Date(seenAt).toISOString() } },
};

test.each<[string, readonly string[], readonly number[]]>([
  ['a pod that starts', ['Pending', 'Running'], [2.5]],
  ['a pod that starts and goes on', ['Pending', 'Pending', 'Running', 'Running', 'Succeeded'], [2.5]],
  ['a pod that ran before the daemon', ['Running', 'Running'], []],
  ['a pod that never ran', ['Pending', 'Failed', 'Running'], []],
])('%s', (_name, phases, expected) => {
  const times: number[] = [];
  const starts = createPodStarts(
    () => seenAt + 2_500,
    (seconds) => times.push(seconds),
  );
  for (const phase of phases) starts.published(seen, { phase } as never);
  expect(times).toEqual(expected);
});

test('a pod that has ended is forgotten', () => {
  const times: number[] = [];
  const starts = createPodStarts(
    () => seenAt,
    (seconds) => times.push(seconds),
  );
  starts.published(seen, { phase: 'Pending' });
  starts.ended(seen);
  starts.published(seen, { phase: 'Running' });
  expect(times).toEqual([]);
});

import { expect, test } from 'vitest';
import { createLoopMetrics, type LoopName, loops } from '../../../agent/metrics/loops.ts';

const names = Object.keys(loops) as LoopName[];
/** What the kubelet has a name for: which loops these are is read from its documentation, not from our table. */
const kubeletNames: Readonly<Record<string, string>> = {
  relist: 'kubelet_pleg_relist_duration_seconds_count',
};
const kubeletFailures: Readonly<Record<string, string>> = {
  'client-certificate': 'kubelet_certificate_manager_client_expiration_renew_errors',
  'server-certificate': 'kubelet_server_expiration_renew_errors',
};

function samples(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

const secondsOf = (loop: string): string =>
  kubeletNames[loop] ?? `podwright_loop_duration_seconds_count{loop="${loop}"}`;
const failuresOf = (loop: string): string => kubeletFailures[loop] ?? `podwright_loop_failures_total{loop="${loop}"}`;

test('every loop is there before its first round, and no other', () => {
  const found = samples(createLoopMetrics().render());
  expect([...found].sort()).toEqual(names.map((loop) => [failuresOf(loop), 0]).sort());
});

test.each(names)('a round of %s is counted, whether it fails or not', async (loop) => {
  let clock = 0;
  const metrics = createLoopMetrics(() => (clock += 250));
  const round = metrics.round(loop);
  expect(await round(() => Promise.resolve('done'))).toBe('done');
  await expect(round(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  const found = samples(metrics.render());
  expect(found.get(secondsOf(loop))).toBe(2);
  expect(found.get(secondsOf(loop).replace('_count', '_sum'))).toBe(0.5);
  expect(found.get(failuresOf(loop))).toBe(1);
  for (const other of names) if (other !== loop) expect(found.get(failuresOf(other))).toBe(0);
});

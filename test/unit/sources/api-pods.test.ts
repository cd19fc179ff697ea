import { beforeEach, expect, test } from 'vitest';
import type { ApiObject } from '../../../agent/api/types.ts';
import { createPodsHandler } from '../../../agent/sources/api-pods.ts';

let told: string[][];
let seen: string[];
let gone: string[];

const names = (objects: readonly { readonly pod: { readonly metadata: { readonly name: string } } }[]): string[] =>
  objects.map(({ pod }) => pod.metadata.name);

const handler = () =>
  createPodsHandler({
    clock: { now: () => 0 },
    onPods: (pods) => told.push(names(pods)),
    onSeen: ({ metadata }) => seen.push(metadata.name),
    onGone: ({ metadata }) => gone.push(metadata.name),
    onLost: () => undefined,
  });

const pod = (name: string, more: object = {}, status: object = {}): ApiObject => ({
  metadata: { name, namespace: 'default', uid: `uid-${name}`, ...more },
  spec: { containers: [{ name: 'main', image: 'i' }] },
  status,
});
const mirror = pod('static-n1', { annotations: { 'kubernetes.io/config.mirror': 'h' } });

beforeEach(() => {
  [told, seen, gone] = [[], [], []];
});

test('a list is the whole truth, and mirror pods are seen but not run', () => {
  const pods = handler();
  pods.listed([pod('a'), pod('b'), mirror]);
  pods.listed([pod('b')]);
  expect(told).toEqual([['a', 'b'], ['b']]);
  expect(seen).toEqual(['a', 'b', 'static-n1', 'b']);
  expect(gone).toEqual(['a', 'static-n1']);
});

test('a status that this node wrote wakes nobody; a condition of somebody else does', () => {
  const pods = handler();
  const conditions = (type: string) => ({ conditions: [{ type, status: 'True', lastTransitionTime: 'now' }] });
  pods.listed([pod('a')]);
  pods.applied(pod('a', { resourceVersion: '2', managedFields: [] }, { phase: 'Running', ...conditions('Ready') }));
  expect(told).toHaveLength(1);
  pods.applied(pod('a', {}, conditions('example.com/gate')));
  expect(told).toHaveLength(2);
  expect(seen).toHaveLength(3);
});

test.each([
  ['a deletion', { deletionTimestamp: 'now', deletionGracePeriodSeconds: 30 }],
  ['a label', { labels: { tier: 'front' } }],
  ['an annotation', { annotations: { note: 'x' } }],
])('%s is told', (_, change) => {
  const pods = handler();
  pods.listed([pod('a')]);
  pods.applied(pod('a', change));
  expect(told).toHaveLength(2);
});

test('a pod of the same name again is another pod', () => {
  const pods = handler();
  pods.listed([pod('a')]);
  pods.deleted(pod('a'));
  pods.applied(pod('a', { uid: 'another' }));
  expect(told).toEqual([['a'], [], ['a']]);
});

test('what is restored stands in for the first list, which ends what it does not name', () => {
  const pods = handler();
  pods.restore([pod('a'), pod('b')]);
  pods.listed([pod('b'), pod('c')]);
  pods.restore([pod('a')]);
  expect(told).toEqual([
    ['a', 'b'],
    ['b', 'c'],
  ]);
  expect(seen).toEqual(['b', 'c']);
  expect(gone).toEqual(['a']);
});

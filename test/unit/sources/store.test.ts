import { describe, expect, test } from 'vitest';
import { createObjectStore, type ObjectStore, type SourcedPod } from '../../../agent/sources/index.ts';
import { sourced } from './helpers.ts';

function recorded(store: ObjectStore): string[][] {
  const calls: string[][] = [];
  store.subscribe((uids) => calls.push([...uids].sort()));
  return calls;
}

const edited = (one: SourcedPod): SourcedPod => ({
  ...one,
  pod: { ...one.pod, metadata: { ...one.pod.metadata, labels: { a: 'b' } } },
});

describe('the store', () => {
  test('tells what appeared, changed and went', () => {
    const store = createObjectStore(['file']);
    const calls = recorded(store);
    const [a, b, c] = [sourced('a', '1', 'a'), sourced('b', '2', 'b'), sourced('c', '3', 'c')];
    store.set({ source: 'file', pods: [a, b], objects: [], problems: [] });
    store.set({ source: 'file', pods: [edited(a), c], objects: [], problems: [] });
    store.set({ source: 'file', pods: [], objects: [], problems: [] });
    expect(calls).toEqual([
      ['1', '2'],
      ['1', '2', '3'],
      ['1', '3'],
    ]);
    expect([store.pods(), store.pod('1')]).toEqual([[], undefined]);
  });

  test('an equal SET wakes nobody and keeps the objects', () => {
    const store = createObjectStore(['file']);
    const first = sourced('a', '1', 'a');
    store.set({ source: 'file', pods: [first], objects: [], problems: [] });
    const calls = recorded(store);
    const problem = { origin: 'x', severity: 'error', message: 'm' } as const;
    store.set({ source: 'file', pods: [structuredClone(first)], objects: [], problems: [problem] });
    expect(calls).toEqual([]);
    expect(store.pod('1')).toBe(first);
    expect(store.problems()).toEqual([problem]);
  });

  test('the first SET is told although it is empty, and only then is the store in sync', () => {
    const store = createObjectStore(['file', 'api']);
    const calls = recorded(store);
    const states = [store.synced()];
    store.set({ source: 'file', pods: [], objects: [], problems: [] });
    states.push(store.synced());
    store.set({ source: 'file', pods: [], objects: [], problems: [] });
    store.set({ source: 'api', pods: [], objects: [], problems: [] });
    states.push(store.synced());
    expect([calls, states]).toEqual([
      [[], []],
      [false, false, true],
    ]);
  });

  test('a source replaces only what is its own', () => {
    const store = createObjectStore(['file', 'api']);
    const [a, b] = [sourced('a', '1', 'a'), { ...sourced('b', '2', ''), source: 'api' }];
    store.set({ source: 'file', pods: [a], objects: [], problems: [] });
    store.set({ source: 'api', pods: [b], objects: [], problems: [] });
    const calls = recorded(store);
    store.set({ source: 'file', pods: [], objects: [], problems: [] });
    expect([calls, store.pods()]).toEqual([[['1']], [b]]);
  });

  test('of two sources with one UID the first is heard, and the other when it lets go', () => {
    const store = createObjectStore(['file', 'api']);
    const [mine, theirs] = [sourced('a', '1', 'a'), { ...sourced('b', '1', ''), source: 'api' }];
    store.set({ source: 'api', pods: [theirs], objects: [], problems: [] });
    store.set({ source: 'file', pods: [mine], objects: [], problems: [] });
    expect(store.pod('1')).toBe(mine);
    store.set({ source: 'file', pods: [], objects: [], problems: [] });
    expect(store.pod('1')).toBe(theirs);
  });

  test('refuses a source that it does not know', () => {
    const store = createObjectStore(['file']);
    expect(() => store.set({ source: 'http', pods: [], objects: [], problems: [] })).toThrow(
      'source http is not registered in the store',
    );
  });

  test('a listener that left hears nothing', () => {
    const store = createObjectStore(['file']);
    let calls = 0;
    store.subscribe(() => (calls += 1))();
    store.set({ source: 'file', pods: [], objects: [], problems: [] });
    expect(calls).toBe(0);
  });
});

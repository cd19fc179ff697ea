import { describe, expect, test } from 'vitest';
import {
  createObjectStore,
  type ObjectStore,
  type SourcedPod,
  type SourceSnapshot,
} from '../../../agent/sources/index.ts';
import { sourced, sourcedMap } from './helpers.ts';

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

  test('is complete when each source has said once all that it wants, and tells so', () => {
    const store = createObjectStore(['file', 'api']);
    const calls = recorded(store);
    const states: boolean[][] = [];
    const set = (source: string, partial: boolean): void => {
      store.set({ source, pods: [], objects: [], problems: [], partial });
      states.push([store.synced(), store.complete(), store.complete('file')]);
    };
    set('api', true);
    set('file', false);
    set('api', true);
    set('api', false);
    set('api', true);
    expect(states).toEqual([
      [false, false, false],
      [true, false, true],
      [true, false, true],
      [true, true, true],
      [true, true, true],
    ]);
    expect(calls).toEqual([[], [], []]);
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

describe('other objects in the store', () => {
  const volume = {
    ...sourcedMap('v', '1', 'v'),
    object: { ...sourcedMap('v', '1', 'v').object, kind: 'PersistentVolume' as const },
  };
  const noNamespace = {
    ...volume,
    object: { ...volume.object, metadata: { ...volume.object.metadata, namespace: '' } },
  };
  const set = (store: ObjectStore, objects: SourceSnapshot['objects'], source = 'file'): void =>
    store.set({ source, pods: [], objects, problems: [] });

  function heard(store: ObjectStore): string[][] {
    const calls: string[][] = [];
    store.subscribeObjects((keys) => calls.push([...keys].sort()));
    return calls;
  }

  test('are found by kind and name', () => {
    const store = createObjectStore(['file']);
    const [a, b] = [sourcedMap('a', '1', 'x'), sourcedMap('b', '1', 'x')];
    set(store, [a, noNamespace, b]);
    expect(store.object('ConfigMap', 'default', 'a')).toBe(a.object);
    expect(store.object('PersistentVolume', 'anything', 'v')).toBe(noNamespace.object);
    expect([store.object('Secret', 'default', 'a'), store.object('ConfigMap', 'other', 'a')]).toEqual([
      undefined,
      undefined,
    ]);
    expect([store.objects('ConfigMap'), store.objects('Service')]).toEqual([[a.object, b.object], []]);
  });

  test('are told once a snapshot: what appeared, changed and went', () => {
    const store = createObjectStore(['file']);
    const calls = heard(store);
    set(store, [sourcedMap('a', '1', 'x'), sourcedMap('b', '1', 'x'), noNamespace]);
    set(store, [sourcedMap('a', '2', 'x'), sourcedMap('c', '1', 'x'), noNamespace]);
    set(store, []);
    expect(calls).toEqual([
      ['ConfigMap/default/a', 'ConfigMap/default/b', 'PersistentVolume//v'],
      ['ConfigMap/default/a', 'ConfigMap/default/b', 'ConfigMap/default/c'],
      ['ConfigMap/default/a', 'ConfigMap/default/c', 'PersistentVolume//v'],
    ]);
  });

  test('stay what they were when they are equal, from whichever file', () => {
    const store = createObjectStore(['file']);
    const first = sourcedMap('a', '1', 'x');
    set(store, [first]);
    const calls = heard(store);
    set(store, [sourcedMap('a', '1', 'other')]);
    expect([calls, store.object('ConfigMap', 'default', 'a') === first.object]).toEqual([[], true]);
  });

  test('of two sources are those of the first, and of the other when it lets go', () => {
    const store = createObjectStore(['file', 'api']);
    const version = (): unknown => store.object('ConfigMap', 'default', 'a')?.data?.['version'];
    set(store, [sourcedMap('a', 'api', '')], 'api');
    set(store, [sourcedMap('a', 'file', 'x')]);
    const both = version();
    set(store, []);
    expect([both, version()]).toEqual(['file', 'api']);
  });

  test('are in place with the pods of their snapshot before anybody is told', () => {
    const store = createObjectStore(['file']);
    const seen: string[] = [];
    const look = (who: string) => (): void => {
      seen.push(`${who}: ${store.pods().length} pods, ${store.objects('ConfigMap').length} objects`);
    };
    store.subscribe(look('pods'));
    store.subscribeObjects(look('objects'));
    store.set({ source: 'file', pods: [sourced('p', '1', 'x')], objects: [sourcedMap('a', '1', 'x')], problems: [] });
    expect(seen).toEqual(['objects: 1 pods, 1 objects', 'pods: 1 pods, 1 objects']);
  });

  test('wake nobody who listens for pods, and pods nobody who listens for objects', () => {
    const store = createObjectStore(['file']);
    store.set({ source: 'file', pods: [], objects: [], problems: [] });
    const [pods, objects] = [recorded(store), heard(store)];
    set(store, [sourcedMap('a', '1', 'x')]);
    expect([pods, objects]).toEqual([[], [['ConfigMap/default/a']]]);
    store.set({
      source: 'file',
      pods: [sourced('p', '1', 'x')],
      objects: [sourcedMap('a', '1', 'x')],
      problems: [],
    });
    expect([pods, objects]).toEqual([[['1']], [['ConfigMap/default/a']]]);
  });

  test('a listener that left hears nothing', () => {
    const store = createObjectStore(['file']);
    let calls = 0;
    store.subscribeObjects(() => (calls += 1))();
    set(store, [sourcedMap('a', '1', 'x')]);
    expect(calls).toBe(0);
  });
});

import { isDeepStrictEqual } from 'node:util';
import type { ObjectKind, ObjectsByKind } from '../objects/types.ts';
import {
  objectKey,
  type ObjectStore,
  type SourcedObject,
  type SourcedPod,
  type SourceProblem,
  type SourceSnapshot,
} from './types.ts';

type Listener = (keys: ReadonlySet<string>) => void;
type StoredObject = SourcedObject['object'];

/** What one source last wanted; undefined before its first snapshot. */
interface SourceState {
  readonly pods: ReadonlyMap<string, SourcedPod>;
  readonly objects: ReadonlyMap<string, StoredObject>;
  /** Files, by the object's key. */
  readonly origins: ReadonlyMap<string, string>;
  readonly problems: readonly SourceProblem[];
}

/**
 * An empty store for the given sources. When two sources want one UID, or one object, the source that comes first in `sources`
 * is heard. Pods and objects of one snapshot are both in place before any listener is called; listeners of objects are called
 * before those of pods.
 *
 * @param sources names of all sources that will deliver; a snapshot of any other is an error
 */
export function createObjectStore(sources: readonly string[]): ObjectStore {
  const states = new Map<string, SourceState>();
  const whole = new Set<string>();
  const [podListeners, objectListeners] = [new Set<Listener>(), new Set<Listener>()];
  let pods: ReadonlyMap<string, SourcedPod> = new Map();
  let objects: ReadonlyMap<string, StoredObject> = new Map();

  const unite = <T>(mapOf: (state: SourceState) => ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    firstWins(sources.flatMap((source) => states.get(source) ?? []).map(mapOf));

  const set = (snapshot: SourceSnapshot): void => {
    if (!sources.includes(snapshot.source)) throw new Error(`source ${snapshot.source} is not registered in the store`);
    const first = !states.has(snapshot.source) || (snapshot.partial !== true && !whole.has(snapshot.source));
    if (snapshot.partial !== true) whole.add(snapshot.source);
    states.set(snapshot.source, toState(snapshot));
    const podChange = compare(
      pods,
      unite((state) => state.pods),
    );
    const objectChange = compare(
      objects,
      unite((state) => state.objects),
    );
    pods = podChange.next;
    objects = objectChange.next;
    if (objectChange.changed.size > 0) tell(objectListeners, objectChange.changed);
    if (podChange.changed.size > 0 || first) tell(podListeners, podChange.changed);
  };

  return {
    set,
    pod: (uid) => pods.get(uid),
    pods: () => [...pods.values()],
    object: (kind, namespace, name) => ofKind(kind, objects.get(objectKey(kind, namespace, name))),
    originOf: (key) => sources.map((name) => states.get(name)?.origins.get(key)).find((origin) => origin !== undefined),
    objects: (kind) => [...objects.values()].flatMap((object) => ofKind(kind, object) ?? []),
    problems: () => sources.flatMap((source) => states.get(source)?.problems ?? []),
    synced: () => sources.every((source) => states.has(source)),
    complete: (source) => (source === undefined ? sources.every((one) => whole.has(one)) : whole.has(source)),
    subscribe: (listener) => addListener(podListeners, listener),
    subscribeObjects: (listener) => addListener(objectListeners, listener),
  };
}

function toState({ pods, objects, problems }: SourceSnapshot): SourceState {
  return {
    pods: new Map(pods.map((sourced) => [sourced.pod.metadata.uid, sourced])),
    objects: new Map(objects.map(({ object }) => [keyOf(object), object])),
    origins: new Map(objects.map(({ object, origin }) => [keyOf(object), origin])),
    problems,
  };
}

function keyOf({ kind, metadata }: StoredObject): string {
  return objectKey(kind, metadata.namespace, metadata.name);
}

function ofKind<K extends ObjectKind>(kind: K, object: StoredObject | undefined): ObjectsByKind[K] | undefined {
  return object !== undefined && isKind(kind, object) ? object : undefined;
}

function isKind<K extends ObjectKind>(kind: K, object: StoredObject): object is ObjectsByKind[K] {
  return object.kind === kind;
}

function addListener(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(listeners: ReadonlySet<Listener>, keys: ReadonlySet<string>): void {
  for (const listener of [...listeners]) listener(keys);
}

function firstWins<T>(maps: readonly ReadonlyMap<string, T>[]): ReadonlyMap<string, T> {
  return new Map([...maps].reverse().flatMap((map) => [...map]));
}

interface Change<T> {
  /** What came after; equal values stay the objects that they were. */
  readonly next: ReadonlyMap<string, T>;
  /** Keys that appeared, changed or went. */
  readonly changed: ReadonlySet<string>;
}

function compare<T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>): Change<T> {
  const changed = [...after].filter(([key, value]) => !same(before.get(key), value)).map(([key]) => key);
  const gone = [...before.keys()].filter((key) => !after.has(key));
  const keys = new Set([...changed, ...gone]);
  const kept = (key: string, value: T): T => (keys.has(key) ? value : (before.get(key) ?? value));
  return { next: new Map([...after].map(([key, value]) => [key, kept(key, value)])), changed: keys };
}

/** Sources hand what is unchanged over as the same objects, so that the deep comparison is for the changed ones. */
function same(a: unknown, b: unknown): boolean {
  return a === b || isDeepStrictEqual(a, b);
}

import { isDeepStrictEqual } from 'node:util';
import type { ObjectStore, SourcedPod, SourceProblem, SourceSnapshot } from './types.ts';

/** What one source last wanted; undefined before its first snapshot. */
interface SourceState {
  readonly pods: ReadonlyMap<string, SourcedPod>;
  readonly problems: readonly SourceProblem[];
}

/**
 * An empty store for the given sources. When two sources want one UID, the source that comes first in `sources` is heard.
 *
 * @param sources names of all sources that will deliver; a snapshot of any other is an error
 */
export function createObjectStore(sources: readonly string[]): ObjectStore {
  const states = new Map<string, SourceState>();
  const listeners = new Set<(uids: ReadonlySet<string>) => void>();
  let pods: ReadonlyMap<string, SourcedPod> = new Map();

  const set = (snapshot: SourceSnapshot): void => {
    if (!sources.includes(snapshot.source)) throw new Error(`source ${snapshot.source} is not registered in the store`);
    const first = !states.has(snapshot.source);
    states.set(snapshot.source, { pods: byUid(snapshot.pods), problems: snapshot.problems });
    const next = unite(sources.flatMap((source) => states.get(source)?.pods ?? []));
    const changed = changedUids(pods, next);
    pods = keepEqual(pods, next, changed);
    if (changed.size > 0 || first) for (const listener of [...listeners]) listener(changed);
  };

  return {
    set,
    pod: (uid) => pods.get(uid),
    pods: () => [...pods.values()],
    problems: () => sources.flatMap((source) => states.get(source)?.problems ?? []),
    synced: () => sources.every((source) => states.has(source)),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function byUid(pods: readonly SourcedPod[]): ReadonlyMap<string, SourcedPod> {
  return new Map(pods.map((sourced) => [sourced.pod.metadata.uid, sourced]));
}

function unite(maps: readonly ReadonlyMap<string, SourcedPod>[]): ReadonlyMap<string, SourcedPod> {
  return new Map([...maps].reverse().flatMap((map) => [...map]));
}

function changedUids(
  before: ReadonlyMap<string, SourcedPod>,
  after: ReadonlyMap<string, SourcedPod>,
): ReadonlySet<string> {
  const changed = [...after].filter(([uid, sourced]) => !same(before.get(uid), sourced)).map(([uid]) => uid);
  const gone = [...before.keys()].filter((uid) => !after.has(uid));
  return new Set([...changed, ...gone]);
}

/** Sources hand unchanged pods over as the same objects, so that the deep comparison is for the changed ones. */
function same(a: SourcedPod | undefined, b: SourcedPod): boolean {
  return a === b || isDeepStrictEqual(a, b);
}

/** Equal pods stay the objects that they were. */
function keepEqual(
  before: ReadonlyMap<string, SourcedPod>,
  after: ReadonlyMap<string, SourcedPod>,
  changed: ReadonlySet<string>,
): ReadonlyMap<string, SourcedPod> {
  return new Map([...after].map(([uid, pod]) => [uid, changed.has(uid) ? pod : (before.get(uid) ?? pod)]));
}

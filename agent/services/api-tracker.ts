import { isDeepStrictEqual } from 'node:util';
import type { ApiObject, FollowHandler } from '../api/types.ts';
import { serviceKey } from './types.ts';

interface Named {
  readonly metadata: { readonly namespace: string; readonly name: string };
}

/** What is made of an object of the server; more than one for Endpoints. */
type Convert<T> = (object: ApiObject) => readonly T[];

export interface ApiTrackerOptions<T> {
  /** By `namespace/name`; undefined for what is gone. Never empty. */
  readonly onChange: (changes: ReadonlyMap<string, T | undefined>) => void;
  /** After each list, also when that is empty. */
  readonly onListed: (isFirst: boolean) => void;
}

/** Objects that are followed, as they are now. A change costs what changed, however many objects there are. */
export interface ApiTracker<T> {
  handler(convert: Convert<T>, onLost: (error: unknown, failures: number) => void): FollowHandler;
  all(): readonly T[];
  /** Whether there was a list: before that nothing is known. */
  isListed(): boolean;
}

interface Entry<T> {
  /** UID and resource version. */
  readonly state: string;
  readonly made: readonly T[];
}

/** A server that was set back to a backup gives a version that it gave before to another content. */
function isSame<T>(before: Entry<T> | undefined, now: Entry<T>): boolean {
  return before?.state === now.state && isDeepStrictEqual(before.made, now.made);
}

export function createApiTracker<T extends Named>({ onChange, onListed }: ApiTrackerOptions<T>): ApiTracker<T> {
  const entries = new Map<string, Entry<T>>();
  let isListed = false;

  /** Notes what becomes of one object; `undefined`: it is gone. */
  const put = (changes: Map<string, T | undefined>, key: string, entry: Entry<T> | undefined): void => {
    const before = entries.get(key);
    for (const made of before?.made ?? []) changes.set(serviceKey(made), undefined);
    for (const made of entry?.made ?? []) changes.set(serviceKey(made), made);
    if (entry === undefined) entries.delete(key);
    else entries.set(key, entry);
  };
  const tell = (changes: ReadonlyMap<string, T | undefined>): void => {
    if (changes.size > 0) onChange(changes);
  };

  return {
    handler: (convert, onLost) => {
      const entryOf = (object: ApiObject): Entry<T> => ({ state: stateOf(object), made: convert(object) });
      return {
        listed: (items) => {
          const changes = new Map<string, T | undefined>();
          const keys = new Set(items.map(keyOf));
          for (const key of [...entries.keys()]) if (!keys.has(key)) put(changes, key, undefined);
          for (const object of items) {
            const [key, entry] = [keyOf(object), entryOf(object)];
            if (!isSame(entries.get(key), entry)) put(changes, key, entry);
          }
          tell(changes);
          const isFirst = !isListed;
          isListed = true;
          onListed(isFirst);
        },
        applied: (object) => {
          const changes = new Map<string, T | undefined>();
          put(changes, keyOf(object), entryOf(object));
          tell(changes);
        },
        deleted: (object) => {
          const changes = new Map<string, T | undefined>();
          put(changes, keyOf(object), undefined);
          tell(changes);
        },
        lost: onLost,
      };
    },
    all: () => [...entries.values()].flatMap(({ made }) => made),
    isListed: () => isListed,
  };
}

function keyOf({ metadata: { namespace = '', name } }: ApiObject): string {
  return `${namespace}/${name}`;
}

function stateOf({ metadata: { uid = '', resourceVersion = '' } }: ApiObject): string {
  return `${uid}/${resourceVersion}`;
}

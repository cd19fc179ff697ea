import type { ObjectReference } from './types.ts';

/** Different messages of one object, type and reason within {@link similarWithinMs}, from which on they become one event. */
const similarEvents = 10;
const similarWithinMs = 600_000;
/** Events about one object at once, and how soon there may be one more after that. */
const burst = 25;
const refillMs = 300_000;
/** Objects, and groups of similar events, that are remembered; the one unused for longest goes first. */
const maxRemembered = 4_096;

export interface Occurrence {
  readonly object: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** What an occurrence is counted as. */
export interface Correlated {
  /** What makes two events one. */
  readonly key: string;
  readonly message: string;
  /** There were too many of this object: this one is not shown. */
  readonly isSpam: boolean;
}

const combined = '(combined from similar events): ';

interface Group {
  readonly messages: Set<string>;
  last: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/**
 * Decides which occurrences are one event, and which are too many, as client-go does before it tells the API server
 * (`tools/record/events_cache.go`): ten messages that differ only in their text become one event that shows the last of
 * them; an object has 25 events at once and one more each 5 minutes.
 */
export class EventCorrelator {
  readonly #groups = new Map<string, Group>();
  readonly #buckets = new Map<string, Bucket>();

  /** @param now milliseconds since the epoch */
  correlate(occurrence: Occurrence, now: number): Correlated {
    const { object, message } = occurrence;
    const groupKey = groupKeyOf(occurrence);
    const isSpam = !this.#takeToken(object.uid, now);
    return this.#isSimilar(groupKey, message, now)
      ? { key: groupKey, message: combined + message, isSpam }
      : { key: eventKey(occurrence), message, isSpam };
  }

  #isSimilar(key: string, message: string, now: number): boolean {
    const known = this.#groups.get(key);
    const group =
      known === undefined || now - known.last > similarWithinMs ? { messages: new Set<string>(), last: now } : known;
    group.last = now;
    group.messages.add(message);
    remember(this.#groups, key, group);
    if (group.messages.size < similarEvents) return false;
    const [any] = group.messages;
    if (any !== undefined) group.messages.delete(any);
    return true;
  }

  #takeToken(uid: string, now: number): boolean {
    const bucket = this.#buckets.get(uid) ?? { tokens: burst, at: now };
    bucket.tokens = Math.min(burst, bucket.tokens + Math.max(0, now - bucket.at) / refillMs);
    bucket.at = now;
    remember(this.#buckets, uid, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}

/** The key of an event that is listed, for one that was written down. */
export function listedKey(occurrence: Occurrence): string {
  return occurrence.message.startsWith(combined) ? groupKeyOf(occurrence) : eventKey(occurrence);
}

const groupKeyOf = ({ object, type, reason }: Occurrence): string => JSON.stringify([object.uid, type, reason]);

const eventKey = ({ object, type, reason, message }: Occurrence): string =>
  JSON.stringify([object.uid, object.fieldPath, type, reason, message]);

/** Puts an entry at the young end, and drops the oldest when there are too many. */
function remember<T>(entries: Map<string, T>, key: string, value: T): void {
  entries.delete(key);
  entries.set(key, value);
  if (entries.size <= maxRemembered) return;
  const [oldest] = entries.keys();
  if (oldest !== undefined) entries.delete(oldest);
}

import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { type Correlated, EventCorrelator, listedKey, type Occurrence } from './correlator.ts';
import type { CoreEvent, EventFilter, EventStore, ObjectReference } from './types.ts';

/** The API server's default lifetime of an event (`--event-ttl`). */
const lifetimeMs = 3_600_000;

export interface EventLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

export interface EventRecorderOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: EventLog;
  readonly nodeName: string;
  /** Events kept in all; default 5,000. */
  readonly capacity?: number;
  /** Events of a daemon that was here before, oldest first. */
  readonly former?: readonly CoreEvent[];
}

interface Entry extends Occurrence {
  readonly id: string;
  readonly first: number;
  readonly last: number;
  readonly count: number;
}

interface Subscription {
  readonly filter: EventFilter;
  readonly listener: (event: CoreEvent) => void;
}

/** Keeps events in memory: bounded in number and age, the oldest go first. */
export function createEventRecorder(options: EventRecorderOptions): EventStore {
  return new Recorder(options);
}

class Recorder implements EventStore {
  readonly #options: EventRecorderOptions;
  readonly #capacity: number;
  readonly #correlator = new EventCorrelator();
  /** By what makes two events one; in the order of their last occurrence. */
  readonly #entries = new Map<string, Entry>();
  /** Occurrences that were not shown, by the key of a listed event: they are counted when the next one is. */
  readonly #unseen = new Map<string, number>();
  readonly #subscriptions = new Set<Subscription>();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#capacity = options.capacity ?? 5_000;
    for (const event of options.former ?? []) {
      const entry = fromEvent(event);
      this.#put(listedKey(entry), entry);
    }
    this.#expire(options.clock.now());
  }

  event(object: ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const now = this.#options.clock.now();
    this.#expire(now);
    const correlated = this.#correlator.correlate({ object, type, reason, message }, now);
    const entry = correlated.isSpam ? undefined : this.#count({ object, type, reason, message }, correlated, now);
    if (entry === undefined) this.#noteUnseen(correlated.key);
    this.#tell({ object, type, reason, message }, entry?.count);
    if (entry !== undefined) this.#publish(entry);
  }

  list(filter: EventFilter = {}): readonly CoreEvent[] {
    this.#expire(this.#options.clock.now());
    return [...this.#entries.values()]
      .filter(({ object }) => matches(object, filter))
      .map((entry) => toEvent(entry, this.#options.nodeName));
  }

  subscribe(filter: EventFilter, listener: (event: CoreEvent) => void): () => void {
    const subscription = { filter, listener };
    this.#subscriptions.add(subscription);
    return () => void this.#subscriptions.delete(subscription);
  }

  #count(occurrence: Occurrence, { key, message }: Correlated, now: number): Entry {
    const known = this.#entries.get(key);
    const count = (known?.count ?? 0) + (this.#unseen.get(key) ?? 0) + 1;
    const entry = {
      ...occurrence,
      message,
      id: known?.id ?? randomUUID(),
      first: known?.first ?? now,
      last: now,
      count,
    };
    this.#put(key, entry);
    return entry;
  }

  #noteUnseen(key: string): void {
    if (this.#entries.has(key)) this.#unseen.set(key, (this.#unseen.get(key) ?? 0) + 1);
  }

  #put(key: string, entry: Entry): void {
    this.#drop(key);
    if (this.#entries.size >= this.#capacity) this.#drop(this.#entries.keys().next().value ?? '');
    this.#entries.set(key, entry);
  }

  #tell({ object, type, reason, message }: Occurrence, count: number | undefined): void {
    const { log } = this.#options;
    const { kind, namespace, name, fieldPath } = object;
    const fields = { kind, namespace, name, ...(fieldPath === undefined ? {} : { fieldPath }), reason, event: message };
    if (count !== 1) log.debug(count === undefined ? fields : { ...fields, count }, 'event');
    else if (type === 'Warning') log.warn(fields, 'event');
    else log.info(fields, 'event');
  }

  #publish(entry: Entry): void {
    if (this.#subscriptions.size === 0) return;
    const event = toEvent(entry, this.#options.nodeName);
    for (const { filter, listener } of this.#subscriptions) if (matches(entry.object, filter)) listener(event);
  }

  #expire(now: number): void {
    for (const [key, { last }] of this.#entries) {
      if (now - last <= lifetimeMs) return;
      this.#drop(key);
    }
  }

  #drop(key: string): void {
    this.#entries.delete(key);
    this.#unseen.delete(key);
  }
}

function matches(object: ObjectReference, { uid, namespace, name }: EventFilter): boolean {
  return (
    (uid === undefined || object.uid === uid) &&
    (namespace === undefined || object.namespace === namespace) &&
    (name === undefined || object.name === name)
  );
}

function toEvent(entry: Entry, host: string): CoreEvent {
  const { object, type, reason, message, count } = entry;
  const { kind, namespace, name, uid, fieldPath } = object;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.${entry.id.slice(0, 8)}`, namespace, uid: entry.id },
    involvedObject: { kind, namespace, name, uid, ...(fieldPath === undefined ? {} : { fieldPath }) },
    type,
    reason,
    message,
    source: { component: 'kubelet', host },
    firstTimestamp: seconds(entry.first),
    lastTimestamp: seconds(entry.last),
    count,
  };
}

function fromEvent({ metadata, involvedObject, firstTimestamp, lastTimestamp, ...event }: CoreEvent): Entry {
  const { type, reason, message, count } = event;
  const [first, last] = [Date.parse(firstTimestamp), Date.parse(lastTimestamp)];
  return { id: metadata.uid, object: involvedObject, type, reason, message, first, last, count };
}

const seconds = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

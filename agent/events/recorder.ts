import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { CoreEvent, EventFilter, EventStore, ObjectReference } from './types.ts';

/** Events of one object that are kept, the most recent. */
const perObject = 100;
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
}

interface Entry {
  readonly id: string;
  readonly object: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly first: number;
  last: number;
  count: number;
}

/** Keeps events in memory: bounded in number and age, the oldest go first. */
export function createEventRecorder(options: EventRecorderOptions): EventStore {
  return new Recorder(options);
}

class Recorder implements EventStore {
  readonly #options: EventRecorderOptions;
  readonly #capacity: number;
  /** By what makes two events one; in the order of their last occurrence. */
  readonly #entries = new Map<string, Entry>();
  readonly #perObject = new Map<string, number>();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#capacity = options.capacity ?? 5_000;
  }

  event(object: ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const now = this.#options.clock.now();
    this.#expire(now);
    const key = JSON.stringify([object.uid, object.fieldPath, type, reason, message]);
    const known = this.#entries.get(key);
    this.#drop(key);
    const entry: Entry = known ?? { id: randomUUID(), object, type, reason, message, first: now, last: now, count: 0 };
    entry.last = now;
    entry.count += 1;
    this.#makeRoom(object.uid);
    this.#entries.set(key, entry);
    this.#perObject.set(object.uid, (this.#perObject.get(object.uid) ?? 0) + 1);
    this.#tell(entry);
  }

  list(filter: EventFilter = {}): readonly CoreEvent[] {
    this.#expire(this.#options.clock.now());
    return [...this.#entries.values()]
      .filter(({ object }) => matches(object, filter))
      .map((entry) => toEvent(entry, this.#options.nodeName));
  }

  #tell({ object, type, reason, message, count }: Entry): void {
    const { log } = this.#options;
    const { kind, namespace, name, fieldPath } = object;
    const fields = { kind, namespace, name, ...(fieldPath === undefined ? {} : { fieldPath }), reason, event: message };
    if (count > 1) log.debug({ ...fields, count }, 'event');
    else if (type === 'Warning') log.warn(fields, 'event');
    else log.info(fields, 'event');
  }

  #expire(now: number): void {
    for (const [key, { last }] of this.#entries) {
      if (now - last <= lifetimeMs) return;
      this.#drop(key);
    }
  }

  #makeRoom(uid: string): void {
    if (this.#entries.size >= this.#capacity) this.#drop(this.#oldest(() => true));
    if ((this.#perObject.get(uid) ?? 0) >= perObject) this.#drop(this.#oldest(({ object }) => object.uid === uid));
  }

  #oldest(isCandidate: (entry: Entry) => boolean): string | undefined {
    for (const [key, entry] of this.#entries) if (isCandidate(entry)) return key;
    return undefined;
  }

  #drop(key: string | undefined): void {
    const entry = key === undefined ? undefined : this.#entries.get(key);
    if (key === undefined || entry === undefined) return;
    this.#entries.delete(key);
    const left = (this.#perObject.get(entry.object.uid) ?? 1) - 1;
    if (left === 0) this.#perObject.delete(entry.object.uid);
    else this.#perObject.set(entry.object.uid, left);
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

const seconds = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

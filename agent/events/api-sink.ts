import { ApiStatusError, ApiUnavailableError, isAlreadyExists, isNotFound } from '../api/errors.ts';
import { type ApiClient, resources } from '../api/types.ts';
import type { Clock } from '../clock.ts';
import { type Round, uncounted } from '../round.ts';
import { createWakeup } from '../wakeup.ts';
import { createTokenBucket } from '../token-bucket.ts';
import { apiEvent, apiEventPatch, eventName, eventNamespace } from './api-event.ts';
import type { CoreEvent, EventStore } from './types.ts';

export interface EventSinkOptions {
  readonly client: Pick<ApiClient, 'create' | 'patch'>;
  readonly events: Pick<EventStore, 'subscribe'>;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void; debug(fields: object, message: string): void };
  /** Requests a second, and at once; 0 a second for no limit. */
  readonly perSecond: number;
  readonly burst: number;
  /** Counts a try to send one. */
  readonly round?: Round;
  /** UID that the API knows an event's object by. */
  readonly uidOf: (object: CoreEvent['involvedObject']) => string;
}

export interface EventSink {
  /** Sends what happens, one event at a time, until `signal` is aborted: then it rejects with the signal's reason. */
  run(signal: AbortSignal): Promise<void>;
}

interface Pending {
  readonly event: CoreEvent;
  /** UID of the object, found when the event happened: later the object may be gone. */
  readonly uid: string;
  /** Not even its first occurrence was sent. */
  readonly isNew: boolean;
}

/** Events that wait to be sent; the oldest go first. */
const capacity = 1_000;
/** As client-go (`tools/record/event.go`): `maxTriesPerEvent` and, between tries, at most `defaultSleepDuration`. */
const maxTries = 12;
const retryMs = { first: 500, most: 10_000 } as const;
const idleMs = 3_600_000;

/**
 * Brings events to an API server. Nobody waits for that: events queue up here, those that are counted up again before they are
 * sent are sent once, and when there are too many the oldest are left out.
 */
export function createEventSink(options: EventSinkOptions): EventSink {
  const { client, clock, log, round = uncounted } = options;
  const pending = new Map<string, Pending>();
  const wakeup = createWakeup(clock);
  const bucket = createTokenBucket(options.perSecond, options.burst, () => clock.now());
  let dropped = 0;
  let isRefusalTold = false;

  const put = (event: CoreEvent): void => {
    const id = event.metadata.uid;
    const before = pending.get(id);
    const uid = before?.uid ?? options.uidOf(event.involvedObject);
    pending.set(id, { event, uid, isNew: before?.isNew ?? event.count === 1 });
    if (pending.size > capacity) {
      take();
      dropped += 1;
    }
    wakeup.wake();
  };
  const take = (): Pending | undefined => {
    const [oldest] = pending;
    if (oldest !== undefined) pending.delete(oldest[0]);
    return oldest?.[1];
  };
  const tellDropped = (): void => {
    if (dropped > 0) log.warn({ dropped }, 'too many events for the API server, the oldest were not sent');
    dropped = 0;
  };
  const tellRefused = (error: unknown, { reason, involvedObject }: CoreEvent): void => {
    const fields = { err: error, reason, kind: involvedObject.kind, name: involvedObject.name };
    if (isRefusalTold) log.debug(fields, 'event was not taken by the API server');
    else log.warn(fields, 'event was not taken by the API server; the next ones are told at level debug only');
    isRefusalTold = true;
  };

  const deliver = async (next: Pending, signal: AbortSignal): Promise<void> => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await round(() => send(client, next, signal));
      } catch (error) {
        signal.throwIfAborted();
        if (isAlreadyExists(error)) return;
        if (!mayPass(error) || tries >= maxTries) return tellRefused(error, next.event);
        const asked = error instanceof ApiStatusError ? (error.retryAfterMs ?? 0) : 0;
        await clock.sleep(Math.min(retryMs.most, Math.max(asked, retryMs.first * 2 ** (tries - 1))), signal);
      }
    }
  };

  const unsubscribe = options.events.subscribe({}, put);
  const run = async (signal: AbortSignal): Promise<void> => {
    for (;;) {
      while (pending.size === 0) {
        tellDropped();
        await wakeup.sleep(idleMs, signal);
      }
      while (!bucket.tryTake()) await clock.sleep(1000 / options.perSecond, signal);
      const next = take();
      if (next !== undefined) await deliver(next, signal);
    }
  };
  return { run: (signal) => run(signal).finally(unsubscribe) };
}

/** One try. An event that the server has no more, its lifetime being over, is made anew. */
async function send(
  client: EventSinkOptions['client'],
  { event, uid, isNew }: Pending,
  signal: AbortSignal,
): Promise<void> {
  const namespace = eventNamespace(event);
  if (!isNew) {
    try {
      const patch = { type: 'application/strategic-merge-patch+json', body: apiEventPatch(event) } as const;
      await client.patch(resources.events, { namespace, name: eventName(event) }, patch, signal);
      return;
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  await client.create(resources.events, { namespace }, apiEvent(event, uid), signal);
}

/** Whether the same request may succeed later. */
function mayPass(error: unknown): boolean {
  if (error instanceof ApiUnavailableError) return true;
  return error instanceof ApiStatusError && (error.code === 429 || error.code >= 500);
}

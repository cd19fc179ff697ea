import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../cni/index.ts';
import type { Clock } from '../clock.ts';
import type { Round } from '../round.ts';
import { createWriteBehind } from '../write-behind.ts';
import type { CoreEvent, EventStore } from './types.ts';

/** How long events may wait to be written: what a daemon that is killed loses. */
const writeAfterMs = 10_000;

export interface SnapshotOptions {
  readonly path: string;
  readonly events: Pick<EventStore, 'list' | 'subscribe'>;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
  /** Counts a write. */
  readonly round?: Round;
}

/**
 * Events that a daemon wrote down, oldest first. A file that is missing or broken holds none: events are for people to look
 * at, and nothing depends on them.
 */
export async function readEvents(path: string): Promise<readonly CoreEvent[]> {
  try {
    const events: unknown = JSON.parse(await readFile(path, 'utf8'));
    return Array.isArray(events) ? events.filter(isEvent) : [];
  } catch {
    return [];
  }
}

/** Writes the events down some seconds after one has happened, and at the end. While none happens nothing is done. */
export async function keepEvents(options: SnapshotOptions, signal: AbortSignal): Promise<void> {
  const { path, events, clock, onError, round } = options;
  const { changed, run } = createWriteBehind({
    ...{ clock, gatherMs: writeAfterMs, onError, round },
    write: () => writeFileAtomic(path, JSON.stringify(events.list()), { mode: 0o600, sync: false }),
  });
  const unsubscribe = events.subscribe({}, changed);
  await run(signal).finally(unsubscribe);
}

/** The file may be of another version, or cut: what is no event must not come up in a list. */
function isEvent(value: unknown): value is CoreEvent {
  const event = value as Partial<CoreEvent> | null;
  return (
    typeof event?.metadata?.uid === 'string' &&
    typeof event.involvedObject?.uid === 'string' &&
    typeof event.involvedObject.name === 'string' &&
    [event.reason, event.message, event.type].every((text) => typeof text === 'string') &&
    typeof event.count === 'number' &&
    [event.firstTimestamp, event.lastTimestamp].every((time) => !Number.isNaN(Date.parse(time ?? '')))
  );
}

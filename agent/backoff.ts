import type { Clock } from './clock.ts';

interface Entry {
  readonly delayMs: number;
  /** When the delay was last raised. */
  readonly updatedAt: number;
}

/**
 * Exponential back-off for many items, as `client-go/util/flowcontrol/backoff.go` has it. An item starts at the initial
 * delay, each failure doubles it up to the maximum, and after twice the maximum without a failure it starts again. All
 * times are milliseconds.
 */
export class Backoff {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #entries = new Map<string, Entry>();

  constructor(options: { readonly clock: Pick<Clock, 'now'>; readonly initialMs: number; readonly maxMs: number }) {
    this.#clock = options.clock;
    this.#initialMs = options.initialMs;
    this.#maxMs = options.maxMs;
  }

  /** Current delay of an item; 0 when it has none. */
  get(id: string): number {
    return this.#entries.get(id)?.delayMs ?? 0;
  }

  /** Raises the delay of an item that failed at `eventTime`. */
  next(id: string, eventTime: number): void {
    const entry = this.#current(id, eventTime);
    const delayMs = entry === undefined ? this.#initialMs : Math.min(entry.delayMs * 2, this.#maxMs);
    this.#entries.set(id, { delayMs, updatedAt: this.#clock.now() });
  }

  /** Whether less time than the item's delay has passed since `eventTime`, the end of its last run. */
  isInBackOffSince(id: string, eventTime: number): boolean {
    return this.until(id, eventTime) !== undefined;
  }

  /** Whether, at `now`, less time than the item's delay has passed since the delay was last raised. */
  isInBackOffSinceUpdate(id: string, now: number): boolean {
    const entry = this.#current(id, now);
    return entry !== undefined && isWithin(entry.delayMs, entry.updatedAt, now);
  }

  /** When the back-off that counts from `eventTime` is over; undefined when it is. */
  until(id: string, eventTime: number): { readonly until: number; readonly delayMs: number } | undefined {
    const entry = this.#current(id, eventTime);
    if (entry === undefined) return undefined;
    const { delayMs } = entry;
    return isWithin(delayMs, eventTime, this.#clock.now()) ? { until: eventTime + delayMs, delayMs } : undefined;
  }

  /** Forgets an item: its next failure starts at the initial delay. */
  reset(id: string): void {
    this.#entries.delete(id);
  }

  /** Forgets all items whose ID begins with `prefix`. */
  forget(prefix: string): void {
    for (const id of this.#entries.keys()) if (id.startsWith(prefix)) this.#entries.delete(id);
  }

  /** Forgets all items that have been stable for twice the maximum. To be called now and then. */
  gc(): void {
    const now = this.#clock.now();
    for (const [id, entry] of this.#entries) if (this.#isStable(entry, now)) this.#entries.delete(id);
  }

  /** The item's entry, unless the item was stable for long enough before `eventTime` to start again. */
  #current(id: string, eventTime: number): Entry | undefined {
    const entry = this.#entries.get(id);
    return entry === undefined || this.#isStable(entry, eventTime) ? undefined : entry;
  }

  #isStable(entry: Entry, eventTime: number): boolean {
    return eventTime - entry.updatedAt > 2 * this.#maxMs;
  }
}

/**
 * Whether less than `delayMs` has passed since `eventTime`. Not when that lies further ahead than the delay: the clock was
 * set back since then, and waiting until it is there again could take hours.
 */
function isWithin(delayMs: number, eventTime: number, now: number): boolean {
  return Math.abs(now - eventTime) < delayMs;
}

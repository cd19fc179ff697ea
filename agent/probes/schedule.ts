import type { Clock } from '../clock.ts';

/*
 * INVARIANTS
 * - One sleep for all items, until the first of them is due; items due within one tick share a wake-up.
 * - No item runs before it is due, and none is forgotten: a run that comes late runs at once.
 * - Time never goes back here. When the wall clock is set back, what is due waits for one more sleep at most.
 */

/** Due times are rounded up to a multiple of this, so that hundreds of items do not wake the daemon hundreds of times. */
const tickMs = 10;
/** A timer of Node takes 24 days at most; waking up for nothing once a minute costs nothing. */
const maxSleepMs = 60_000;

/** Something that is to be run at a time. An item is in a schedule once at most. */
export interface Scheduled {
  /** On the schedule's time line, milliseconds. */
  dueAt: number;
  /** Place in the heap; undefined while it is not scheduled. */
  place: number | undefined;
}

export interface Schedule<T extends Scheduled> {
  /** Milliseconds on a time line that never goes back. */
  now(): number;
  /** Adds an item, or moves it to its new time. */
  set(item: T, dueAt: number): void;
  delete(item: T): void;
  /** Ends the sleep; nothing runs from now on. */
  stop(): void;
}

/**
 * A binary heap of items by their due time.
 *
 * @param run is called for each item that is due, which has left the schedule; it must not throw
 */
export function createSchedule<T extends Scheduled>(clock: Clock, run: (item: T) => void): Schedule<T> {
  const heap = new Heap<T>();
  const now = steadyTime(clock);
  let alarm: { readonly dueAt: number; readonly controller: AbortController } | undefined;
  let stopped = false;

  const runDue = (): void => {
    const time = now();
    for (let first = heap.first(); first !== undefined && first.dueAt <= time; first = heap.first()) {
      heap.delete(first);
      run(first);
    }
    arm();
  };

  const arm = (): void => {
    const first = heap.first();
    if (stopped || first === undefined) return;
    const dueAt = Math.ceil(first.dueAt / tickMs) * tickMs;
    if (alarm !== undefined && alarm.dueAt <= dueAt) return;
    alarm?.controller.abort();
    const own = { dueAt, controller: new AbortController() };
    alarm = own;
    const ring = (): void => {
      if (alarm !== own) return;
      alarm = undefined;
      runDue();
    };
    clock.sleep(Math.min(maxSleepMs, Math.max(0, dueAt - now())), own.controller.signal).then(ring, () => undefined);
  };

  return {
    now,
    set: (item, dueAt) => {
      heap.delete(item);
      item.dueAt = dueAt;
      heap.add(item);
      arm();
    },
    delete: (item) => heap.delete(item),
    stop: () => {
      stopped = true;
      alarm?.controller.abort();
      alarm = undefined;
    },
  };
}

/** The wall clock without its steps back. */
function steadyTime(clock: Pick<Clock, 'now'>): () => number {
  let wall = clock.now();
  let steady = wall;
  return () => {
    const next = clock.now();
    steady += Math.max(0, next - wall);
    wall = next;
    return steady;
  };
}

class Heap<T extends Scheduled> {
  readonly #items: T[] = [];

  first(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    this.#items.push(item);
    this.#rise(item, this.#items.length - 1);
  }

  /** Takes an item out, if it is in. */
  delete(item: T): void {
    const { place } = item;
    if (place === undefined) return;
    item.place = undefined;
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#rise(last, place);
    this.#sink(last, last.place ?? place);
  }

  #put(item: T, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }

  #rise(item: T, from: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#items[above];
      if (parent === undefined || parent.dueAt <= item.dueAt) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(item, place);
  }

  #sink(item: T, from: number): void {
    let place = from;
    for (;;) {
      const left = this.#items[2 * place + 1];
      const right = this.#items[2 * place + 2];
      const child = right !== undefined && left !== undefined && right.dueAt < left.dueAt ? right : left;
      if (child === undefined || child.dueAt >= item.dueAt) break;
      const below = child.place ?? place;
      this.#put(child, place);
      place = below;
    }
    this.#put(item, place);
  }
}

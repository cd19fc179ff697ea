import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backoff } from '../../agent/backoff.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

function backoffAt(start: number): { readonly backoff: Backoff; readonly clock: { time: number; now(): number } } {
  const clock = { time: start, now: () => clock.time };
  return { backoff: new Backoff({ clock, initialMs: 10 * SECOND, maxMs: 300 * SECOND }), clock };
}

describe('a container that crashes as soon as it is started', () => {
  it('waits 10 s doubling to 5 min, each counted from its end', () => {
    const { backoff, clock } = backoffAt(0);
    const delays = Array.from({ length: 8 }, () => {
      const finishedAt = clock.time;
      backoff.next('web', finishedAt);
      const wait = backoff.until('web', finishedAt);
      clock.time = wait?.until ?? Number.NaN;
      expect(backoff.isInBackOffSince('web', finishedAt)).toBe(false);
      return [wait?.delayMs, clock.time - finishedAt];
    });
    const seconds = [10, 20, 40, 80, 160, 300, 300, 300];
    expect(delays).toEqual(seconds.map((delay) => [delay * SECOND, delay * SECOND]));
  });
});

describe('isInBackOffSince', () => {
  // One failure at 0: the item backs off for 10 s.
  it.each([
    { finishedAt: 0, now: 9_999, backingOff: true },
    { finishedAt: 0, now: 10_000, backingOff: false },
    { finishedAt: 8_000, now: 17_999, backingOff: true },
    { finishedAt: 8_000, now: 18_000, backingOff: false },
    { finishedAt: 10 * MINUTE, now: 10 * MINUTE, backingOff: true },
    { finishedAt: 10 * MINUTE + 1, now: 10 * MINUTE + 1, backingOff: false },
  ])('ended at $finishedAt, asked at $now: $backingOff', ({ finishedAt, now, backingOff }) => {
    const { backoff, clock } = backoffAt(0);
    backoff.next('web', 0);
    clock.time = now;
    expect(backoff.isInBackOffSince('web', finishedAt)).toBe(backingOff);
  });

  it('knows nothing of items that never failed', () => {
    const { backoff } = backoffAt(0);
    expect([backoff.get('x'), backoff.isInBackOffSince('x', 0), backoff.until('x', 0)]).toEqual([0, false, undefined]);
  });
});

describe('isInBackOffSinceUpdate', () => {
  it.each([
    { now: 9_999, backingOff: true },
    { now: 10_000, backingOff: false },
    { now: 11 * MINUTE, backingOff: false },
  ])('asked at $now: $backingOff', ({ now, backingOff }) => {
    const { backoff } = backoffAt(0);
    backoff.next('image', 0);
    expect(backoff.isInBackOffSinceUpdate('image', now)).toBe(backingOff);
  });
});

describe('stability', () => {
  it.each([
    { failsAgainAfter: 10 * MINUTE, delay: 20 * SECOND },
    { failsAgainAfter: 10 * MINUTE + 1, delay: 10 * SECOND },
  ])('a failure after $failsAgainAfter ms waits $delay ms', ({ failsAgainAfter, delay }) => {
    const { backoff, clock } = backoffAt(0);
    backoff.next('web', 0);
    clock.time = failsAgainAfter;
    backoff.next('web', failsAgainAfter);
    expect(backoff.get('web')).toBe(delay);
  });

  it('gc forgets items that were stable for 10 min, and only them', () => {
    const { backoff, clock } = backoffAt(0);
    backoff.next('old', 0);
    clock.time = 1;
    backoff.next('young', 1);
    clock.time = 10 * MINUTE + 1;
    backoff.gc();
    expect([backoff.get('old'), backoff.get('young')]).toEqual([0, 10 * SECOND]);
  });

  it('reset forgets one item, forget all with a prefix', () => {
    const { backoff } = backoffAt(0);
    for (const id of ['a_1', 'a_2', 'b_1', 'b_2']) backoff.next(id, 0);
    backoff.reset('b_1');
    backoff.forget('a_');
    expect(['a_1', 'a_2', 'b_1', 'b_2'].map((id) => backoff.get(id))).toEqual([0, 0, 0, 10 * SECOND]);
  });
});

it('never leaves the bounds, and never shrinks but by stability', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 * MINUTE }), { maxLength: 30 }), (gaps) => {
      const { backoff, clock } = backoffAt(0);
      let previous = 0;
      for (const gap of gaps) {
        clock.time += gap;
        backoff.next('x', clock.time);
        const delay = backoff.get('x');
        expect(delay).toBeGreaterThanOrEqual(10 * SECOND);
        expect(delay).toBeLessThanOrEqual(300 * SECOND);
        if (gap <= 10 * MINUTE) expect(delay).toBeGreaterThanOrEqual(previous);
        else expect(delay).toBe(10 * SECOND);
        previous = delay;
      }
    }),
  );
});

describe('a clock that is set back', () => {
  it.each([
    { now: -9_999, backingOff: true },
    { now: -10_000, backingOff: false },
    { now: -600 * MINUTE, backingOff: false },
  ])('to $now after a failure at 0: $backingOff', ({ now, backingOff }) => {
    const { backoff, clock } = backoffAt(0);
    backoff.next('web', 0);
    clock.time = now;
    expect([backoff.isInBackOffSince('web', 0), backoff.isInBackOffSinceUpdate('web', now)]).toEqual([
      backingOff,
      backingOff,
    ]);
  });
});

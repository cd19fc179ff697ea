import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSchedule, type Schedule, type Scheduled } from '../../../agent/probes/schedule.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';

interface Item extends Scheduled {
  readonly name: string;
}

interface Bench {
  readonly clock: FakeClock;
  readonly schedule: Schedule<Item>;
  /** Name and time of each run. */
  readonly runs: (readonly [string, number])[];
}

function bench(start = 0): Bench {
  const clock = createFakeClock(start);
  const runs: (readonly [string, number])[] = [];
  return { clock, runs, schedule: createSchedule<Item>(clock, ({ name }) => runs.push([name, clock.now()])) };
}

const item = (name: string): Item => ({ name, dueAt: 0, place: undefined });

test('items run once, in the order of their times, those of one tick together', async () => {
  const { clock, schedule, runs } = bench();
  schedule.set(item('c'), 30);
  schedule.set(item('a'), 11);
  schedule.set(item('b'), 19);
  expect(clock.sleepers()).toBe(1);
  await clock.advance(100);
  expect(runs).toEqual([
    ['a', 20],
    ['b', 20],
    ['c', 30],
  ]);
  expect(clock.sleepers()).toBe(0);
});

test('an item can be moved and taken out', async () => {
  const { clock, schedule, runs } = bench();
  const [moved, out] = [item('moved'), item('out')];
  schedule.set(moved, 50);
  schedule.set(out, 40);
  schedule.set(moved, 10);
  schedule.delete(out);
  schedule.delete(out);
  await clock.advance(100);
  expect(runs).toEqual([['moved', 10]]);
});

test('waits longer than a timer of node can', async () => {
  const { clock, schedule, runs } = bench();
  schedule.set(item('a'), 150_000);
  await clock.advance(149_999);
  expect(runs).toEqual([]);
  await clock.advance(1);
  expect(runs).toEqual([['a', 150_000]]);
});

test('a wall clock that is set back delays nothing by more than a sleep', async () => {
  const { clock, schedule, runs } = bench(1_000_000);
  schedule.set(item('a'), schedule.now() + 1_000);
  await clock.advance(500);
  clock.setWall(0);
  await clock.advance(2_000);
  expect(runs.map(([name]) => name)).toEqual(['a']);
});

test('nothing runs after the stop', async () => {
  const { clock, schedule, runs } = bench();
  schedule.set(item('a'), 10);
  schedule.stop();
  schedule.set(item('b'), 5);
  await clock.advance(100);
  expect({ runs, sleepers: clock.sleepers() }).toEqual({ runs: [], sleepers: 0 });
});

test('whatever is set, moved and deleted, what is left runs in time and in order', async () => {
  const time = fc.integer({ min: 0, max: 400 });
  const name = fc.integer({ min: 0, max: 15 });
  const step = fc.oneof(fc.record({ name, dueAt: time }), fc.record({ name, dueAt: fc.constant(undefined) }));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { clock, schedule, runs } = bench();
      const items = Array.from({ length: 16 }, (_, index) => item(String(index)));
      const left = new Map<string, number>();
      for (const { name: index, dueAt } of steps) {
        if (dueAt === undefined) {
          schedule.delete(items[index]!);
          left.delete(String(index));
        } else {
          schedule.set(items[index]!, dueAt);
          left.set(String(index), dueAt);
        }
      }
      await clock.advance(500);
      const order = runs.map(([ran]) => left.get(ran));
      expect(order).toEqual([...left.values()].sort((a, b) => a - b));
      expect(runs.every(([ran, at]) => at >= left.get(ran)! && at < left.get(ran)! + 10)).toBe(true);
    }),
  );
});

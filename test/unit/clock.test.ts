import fc from 'fast-check';
import { expect, it } from 'vitest';
import { onward } from '../../agent/clock.ts';
import { createFakeClock } from './probes/fake-clock.ts';

it('goes on from where it was when the clock is set back, as fast as that', async () => {
  const clock = createFakeClock(1_000);
  const due = onward(clock);
  await clock.advance(500);
  const times = [due.now()];
  clock.setWall(0);
  times.push(due.now());
  await clock.advance(250);
  times.push(due.now());
  clock.setWall(9_000);
  times.push(due.now());
  expect(times).toEqual([1_500, 1_500, 1_750, 10_500]);
});

it('never goes back', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 1 }), (walls) => {
      const clock = createFakeClock(0);
      const due = onward(clock);
      const times = walls.map((wall) => {
        clock.setWall(wall);
        return due.now();
      });
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }),
  );
});

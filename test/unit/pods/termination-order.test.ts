import { describe, expect, test } from 'vitest';
import { createTerminationOrder, terminationStages } from '../../../agent/pods/termination-order.ts';

const never = new AbortController().signal;
const long = 60_000;

/** Who has had its turn, in order, when nothing more happens. */
async function turns(order: readonly string[]): Promise<readonly string[]> {
  await new Promise((resolve) => setImmediate(resolve));
  return [...order];
}

describe('the order in which containers end', () => {
  test('apps together, then sidecars in reverse', () => {
    expect(terminationStages(['s1', 'app', 'web', 's0'], ['s0', 's1'])).toEqual([['app', 'web'], ['s1'], ['s0']]);
    expect(terminationStages(['app'], ['s0'])).toEqual([['app']]);
    expect(terminationStages(['s0'], ['s0'])).toEqual([[], ['s0']]);
  });

  test('each waits for all before it', async () => {
    const order = createTerminationOrder([['app', 'web'], ['s1'], ['s0']]);
    const had: string[] = [];
    const waits = ['s0', 's1', 'web', 'app'].map((name) =>
      order.waitForTurn(name, long, never).then(() => had.push(name)),
    );
    expect([...(await turns(had))].sort()).toEqual(['app', 'web']);
    order.ended('app');
    expect(await turns(had)).toHaveLength(2);
    order.ended('web');
    expect((await turns(had)).slice(2)).toEqual(['s1']);
    order.ended('s1');
    await Promise.all(waits);
    expect(had.slice(2)).toEqual(['s1', 's0']);
  });

  test('no longer than the grace that is left, and not when it is aborted', async () => {
    const order = createTerminationOrder([['app'], ['s0']]);
    await order.waitForTurn('s0', 0, never);
    const controller = new AbortController();
    const wait = order.waitForTurn('s0', long, controller.signal);
    controller.abort(new Error('stop'));
    await wait;
    await expect(order.waitForTurn('s0', long, controller.signal)).rejects.toThrow('stop');
  });

  test('one that is not in it does not wait', async () => {
    await createTerminationOrder([['app']]).waitForTurn('stranger', long, never);
  });
});

import { expect, it } from 'vitest';
import { ApiStatusError } from '../../../../agent/api/errors.ts';
import type { ApiClient, ApiObject } from '../../../../agent/api/types.ts';
import { keepLease } from '../../../../agent/node/api/lease.ts';
import { createFakeClock } from '../../probes/fake-clock.ts';

const start = Date.parse('2026-03-01T12:00:00Z');
const hourMs = 60 * 60 * 1000;

/** The lease as the server has it, and all times that were written to it. */
function server(): { readonly client: ApiClient; readonly times: string[] } {
  const times: string[] = [];
  let lease: ApiObject | undefined;
  const write = (body: object): Promise<ApiObject> => {
    lease = body as ApiObject;
    times.push((lease['spec'] as { renewTime: string }).renewTime);
    return Promise.resolve(lease);
  };
  const client = {
    get: () => (lease ? Promise.resolve(lease) : Promise.reject(new ApiStatusError('get lease', 404, {}))),
    create: (_resource: unknown, _path: unknown, body: object) => write(body),
    replace: (_resource: unknown, _path: unknown, body: object) => write(body),
  } as unknown as ApiClient;
  return { client, times };
}

it('the time of the lease goes on when the clock is set back: the cluster believes in no other renewal', async () => {
  const { client, times } = server();
  const clock = createFakeClock(start + hourMs);
  const keep = async (signal: AbortSignal): Promise<void> => {
    const options = { client, clock, nodeName: 'n1', nodeUid: () => 'u1', durationSeconds: 40 };
    await keepLease({ ...options, onError: () => undefined }, signal).catch(() => undefined);
  };
  const first = new AbortController();
  const running = keep(first.signal);
  await clock.advance(0);
  clock.setWall(start);
  await clock.advance(10_000);
  first.abort();
  await running;
  // The next daemon reads what the last one wrote.
  const second = new AbortController();
  const again = keep(second.signal);
  await clock.advance(0);
  clock.setWall(start + 2 * hourMs);
  await clock.advance(10_000);
  second.abort();
  await again;
  expect(times).toEqual([
    '2026-03-01T13:00:00.000000Z',
    '2026-03-01T13:00:00.001000Z',
    '2026-03-01T13:00:00.002000Z',
    '2026-03-01T14:00:10.000000Z',
  ]);
});

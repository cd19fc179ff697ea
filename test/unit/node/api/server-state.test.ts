import { expect, test } from 'vitest';
import { createServerState } from '../../../../agent/node/api/server-state.ts';

const start = Date.parse('2026-03-01T12:00:00Z');

test('a loss and a return are logged once each', () => {
  const lines: string[] = [];
  const log = { info: () => lines.push('back'), warn: () => lines.push('away') };
  const state = createServerState({ now: () => start }, log);
  const error = new Error('ECONNREFUSED');
  for (const contact of [error, error, undefined, undefined, error, error, undefined]) state.contact(contact);
  expect(lines).toEqual(['away', 'back', 'away', 'back']);
});

test('the status says since when, and why', () => {
  let now = start;
  const state = createServerState({ now: () => now }, { info: () => undefined, warn: () => undefined });
  state.located('https://192.0.2.1:6443');
  const states = [state.status()];
  for (const contact of [undefined, new Error('refused'), new Error('timeout')]) {
    now += 60_000;
    state.contact(contact);
    states.push(state.status());
  }
  const url = 'https://192.0.2.1:6443';
  expect(states).toEqual([
    { url, reachable: false, since: '2026-03-01T12:00:00Z', error: 'not reached yet' },
    { url, reachable: true, since: '2026-03-01T12:01:00Z' },
    { url, reachable: false, since: '2026-03-01T12:02:00Z', error: 'refused' },
    { url, reachable: false, since: '2026-03-01T12:02:00Z', error: 'timeout' },
  ]);
});

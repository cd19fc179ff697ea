import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../../agent/clock.ts';
import { ConfigChanged } from '../../../agent/reload.ts';
import { createLoopWatch } from '../../../agent/systemd/loop-watch.ts';
import { takeNotifier } from '../../../agent/systemd/notify.ts';
import { planMessage, type ServiceReport } from '../../../agent/systemd/report-plan.ts';
import { supervise } from '../../../agent/systemd/supervise.ts';
import type { ExecRequest } from '../../../cni/util/exec.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined };

describe('the message', () => {
  const well: ServiceReport = { isReady: true, status: '2 pods', stuck: undefined };
  const told = { isReady: true, status: '2 pods', fedAt: 1_000 };

  test.each<[string, ServiceReport, Parameters<typeof planMessage>[1], number, string[]]>([
    [
      'the first one',
      { ...well, isReady: false, status: 'waiting' },
      { isReady: false, status: '', fedAt: 0 },
      0,
      ['STATUS=waiting'],
    ],
    ['it became ready', well, { isReady: false, status: 'waiting', fedAt: 1_000 }, 1_000, ['READY=1', 'STATUS=2 pods']],
    ['nothing new', well, told, 30_999, []],
    ['the watchdog is hungry', well, told, 31_000, ['WATCHDOG=1']],
    ['a loop is stuck', { ...well, stuck: 'eviction' }, told, 31_000, []],
    ['Docker is lost', { ...well, isReady: false, status: 'no Docker' }, told, 2_000, ['STATUS=no Docker']],
  ])('%s', (_, report, before, now, fields) => {
    expect(planMessage(report, before, now, 30_000)).toEqual(fields);
  });

  test('no watchdog, no food', () => expect(planMessage(well, told, 1e9, undefined)).toEqual([]));
});

/** Time goes on when the daemon sleeps. */
function sleepingTime(): Clock & { time: number } {
  const clock = {
    time: 0,
    now: () => clock.time,
    sleep: async (ms: number, signal?: AbortSignal) => {
      clock.time += ms;
      await setImmediate();
      signal?.throwIfAborted();
    },
  };
  return clock;
}

test('ready once, then fed well in time as long as the loops go round, at last stopping', async () => {
  const clock = sleepingTime();
  const controller = new AbortController();
  const sent: (readonly [number, string])[] = [];
  await supervise(
    {
      ...{ clock, log, monotonic: () => clock.time },
      notifier: {
        watchdogMs: 60_000,
        send: async (fields) => {
          sent.push([clock.time, fields.join(' ')]);
          return Promise.resolve(true);
        },
      },
      report: () => {
        if (clock.time > 200_000) controller.abort();
        return {
          isReady: clock.time >= 1_000,
          status: clock.time < 1_000 ? 'waiting' : 'ready',
          stuck: clock.time >= 120_000 ? 'eviction' : undefined,
        };
      },
    },
    controller.signal,
  );
  expect(sent[0]).toEqual([0, 'STATUS=waiting WATCHDOG=1']);
  expect(sent.filter(([, text]) => text.includes('READY=1'))).toEqual([[1_000, 'READY=1 STATUS=ready']]);
  const fed = sent.flatMap(([at, text]) => (text.includes('WATCHDOG=1') ? [at] : []));
  expect(fed.length).toBeGreaterThan(3);
  for (const [index, at] of fed.slice(1).entries()) expect(at - (fed[index] ?? 0)).toBeLessThan(45_000);
  expect(Math.max(...fed)).toBeLessThan(120_000);
  expect(sent.at(-1)?.[1]).toContain('STOPPING=1');
});

test('a reload is not told as an end', async () => {
  const clock = sleepingTime();
  const controller = new AbortController();
  const sent: string[] = [];
  const report = (): ServiceReport => {
    controller.abort(new ConfigChanged());
    return { isReady: true, status: 'ready', stuck: undefined };
  };
  const notifier = {
    watchdogMs: undefined,
    send: async (fields: readonly string[]) => {
      sent.push(fields.join(' '));
      return Promise.resolve(true);
    },
  };
  await supervise({ clock, log, monotonic: () => clock.time, notifier, report }, controller.signal);
  expect(sent).toEqual(['READY=1 STATUS=ready', 'RELOADING=1']);
});

describe('the notifier', () => {
  const environment = { PATH: '/bin', NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '60000000' };

  test('speaks by systemd-notify, and keeps the socket from what the daemon runs', async () => {
    const env: NodeJS.ProcessEnv = { ...environment, WATCHDOG_PID: String(process.pid) };
    const asked: ExecRequest[] = [];
    const exec = async (request: ExecRequest) => Promise.resolve({ stdout: String(asked.push(request)), stderr: '' });
    const notifier = takeNotifier(env, exec, log);
    expect(env).toEqual({ PATH: '/bin' });
    expect(notifier?.watchdogMs).toBe(60_000);
    expect(await notifier?.send(['READY=1', 'STATUS=a\nb'])).toBe(true);
    expect(asked).toMatchObject([
      { file: 'systemd-notify', args: ['READY=1', 'STATUS=a b'], env: { NOTIFY_SOCKET: '/run/notify' } },
    ]);
  });

  test("another process's watchdog is not ours", () => {
    const exec = async () => Promise.reject(new Error('not asked'));
    expect(takeNotifier({ ...environment, WATCHDOG_PID: '1' }, exec, log)?.watchdogMs).toBeUndefined();
    expect(takeNotifier({}, exec, log)).toBeUndefined();
  });

  test('a failure is no end', async () => {
    const exec = async () => Promise.reject(new Error('no such program'));
    expect(await takeNotifier({ ...environment }, exec, log)?.send(['READY=1'])).toBe(false);
  });
});

test('a loop is heard of when it sleeps or looks at its clock', async () => {
  let now = 0;
  const watch = createLoopWatch({ now: () => 0, sleep: async () => Promise.resolve() }, () => now);
  const [eviction, manifests] = [watch.clock('eviction'), watch.clock('manifests')];
  await eviction.sleep(10_000);
  manifests.now();
  now = 600_001;
  expect(watch.stuck()).toMatch(/^manifests, for 600 s$/);
  manifests.now();
  expect(watch.stuck()).toBeUndefined();
  now = 610_001;
  expect(watch.stuck()).toMatch(/^eviction/);
});

import { describe, expect, it } from 'vitest';
import { createEventSink } from '../../../agent/events/api-sink.ts';
import { createEventRecorder } from '../../../agent/events/recorder.ts';
import type { EventStore, ObjectReference } from '../../../agent/events/types.ts';
import { createFakeClock, type FakeClock } from '../probes/fake-clock.ts';
import { away, createFakeApi, type FakeApi, refusal } from '../status/fake-api.ts';

interface Bench {
  readonly api: FakeApi;
  readonly clock: FakeClock;
  readonly events: EventStore;
  readonly warnings: object[];
  readonly stop: () => Promise<void>;
}

const web: ObjectReference = {
  kind: 'Pod',
  namespace: 'shop',
  name: 'web',
  uid: 'u1',
  fieldPath: 'spec.containers{a}',
};
const podOf = (index: number): ObjectReference => ({
  kind: 'Pod',
  namespace: 'shop',
  name: `p${index}`,
  uid: `u${index}`,
});

function bench(limit: { readonly perSecond: number; readonly burst: number } = { perSecond: 0, burst: 1 }): Bench {
  const api = createFakeApi();
  const clock = createFakeClock(Date.parse('2026-03-01T12:00:00Z'));
  const warnings: object[] = [];
  const quiet = { info: () => undefined, warn: () => undefined, debug: () => undefined };
  const events = createEventRecorder({ clock, log: quiet, nodeName: 'n1' });
  const log = { warn: (fields: object) => void warnings.push(fields), debug: () => undefined };
  const uidOf = ({ uid }: { uid: string }): string => (uid === 'u1' ? 'hash' : uid);
  const sink = createEventSink({ client: api.client, events, clock, log, uidOf, ...limit });
  const controller = new AbortController();
  const running = sink.run(controller.signal).catch(() => undefined);
  const stop = async (): Promise<void> => {
    controller.abort(new Error('the end'));
    await running;
  };
  return { api, clock, events, warnings, stop };
}

const seen = ({ api }: Bench): readonly string[] => api.calls.map(({ verb, at }) => `${verb} ${at}`);

describe('the event sink', () => {
  it('makes an Event of the first occurrence and counts it up at the next', async () => {
    const test = bench();
    const { api, clock, events } = test;
    events.event(web, 'Warning', 'BackOff', 'wait');
    await clock.advance(2_000);
    events.event(web, 'Warning', 'BackOff', 'wait');
    await clock.advance(0);
    const [first] = events.list();
    const name = `web.${(first?.metadata.uid ?? '').replaceAll('-', '').slice(0, 16)}`;
    expect(name).toMatch(/^web\.[0-9a-f]{16}$/);
    expect(api.calls).toEqual([
      {
        verb: 'create',
        at: 'events/shop',
        body: {
          ...{ apiVersion: 'v1', kind: 'Event', metadata: { name, namespace: 'shop' } },
          involvedObject: { apiVersion: 'v1', ...web, uid: 'hash' },
          ...{ type: 'Warning', reason: 'BackOff', message: 'wait', count: 1 },
          ...{ firstTimestamp: '2026-03-01T12:00:00Z', lastTimestamp: '2026-03-01T12:00:00Z' },
          source: { component: 'kubelet', host: 'n1' },
          ...{ reportingComponent: 'kubelet', reportingInstance: 'n1' },
        },
      },
      {
        verb: 'patch',
        at: `events/shop/${name}`,
        body: { count: 2, message: 'wait', lastTimestamp: '2026-03-01T12:00:02Z' },
      },
    ]);
    await test.stop();
  });

  it('puts what has no namespace into default', async () => {
    const test = bench();
    test.events.event({ kind: 'Node', namespace: '', name: 'n1', uid: 'n1' }, 'Normal', 'Starting', 'x');
    await test.clock.advance(0);
    expect(test.api.calls).toMatchObject([
      { at: 'events/default', body: { involvedObject: { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'n1' } } },
    ]);
    expect(test.api.calls[0]?.body).not.toHaveProperty('involvedObject.namespace');
    await test.stop();
  });

  it('makes an event anew that the server has no more', async () => {
    const test = bench();
    test.events.event(web, 'Warning', 'BackOff', 'wait');
    await test.clock.advance(0);
    test.events.event(web, 'Warning', 'BackOff', 'wait');
    test.api.failures.push(refusal(404, 'NotFound'));
    await test.clock.advance(0);
    expect(seen(test).map((call) => call.split('.')[0])).toEqual([
      'create events/shop',
      'patch events/shop/web',
      'create events/shop',
    ]);
    expect(test.api.calls[2]?.body).toMatchObject({ count: 2 });
    await test.stop();
  });

  it.each([
    ['is away for a while', away, 5, 6],
    ['is away for long', away, 100, 12],
    ['has it already', () => refusal(409, 'AlreadyExists'), 1, 1],
    ['refuses it', () => refusal(403, 'Forbidden'), 1, 1],
  ])('tries again when the server %s, but not for ever', async (_what, failure, times, tries) => {
    const test = bench();
    test.api.failures.push(...Array.from({ length: times }, failure));
    test.events.event(web, 'Normal', 'Started', 'x');
    await test.clock.advance(600_000);
    expect(test.api.calls).toHaveLength(tries);
    await test.stop();
  });

  it('leaves the oldest out when too many wait, and counts them', async () => {
    const test = bench();
    let open = (): void => undefined;
    test.api.gate = new Promise((resolve) => (open = resolve));
    await test.clock.advance(0);
    for (let index = 0; index < 1_011; index += 1) test.events.event(podOf(index), 'Normal', 'Started', 'x');
    open();
    for (let turn = 0; turn < 3; turn += 1) await test.clock.advance(0);
    const names = test.api.calls.map(({ body }) => (body as { involvedObject: { name: string } }).involvedObject.name);
    expect(names).toHaveLength(1_000);
    expect(names.at(-1)).toBe('p1010');
    expect(test.warnings).toEqual([{ dropped: 11 }]);
    await test.stop();
  });

  it('keeps to its rate', async () => {
    const test = bench({ perSecond: 2, burst: 3 });
    for (let index = 0; index < 10; index += 1) test.events.event(podOf(index), 'Normal', 'Started', 'x');
    await test.clock.advance(0);
    expect(test.api.calls).toHaveLength(3);
    await test.clock.advance(1_000);
    expect(test.api.calls).toHaveLength(5);
    await test.stop();
  });
});

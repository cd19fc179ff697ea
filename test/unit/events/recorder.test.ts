import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEventRecorder } from '../../../agent/events/recorder.ts';
import type { EventStore, ObjectReference } from '../../../agent/events/types.ts';

const web: ObjectReference = { kind: 'Pod', namespace: 'default', name: 'web', uid: 'u1' };
const db: ObjectReference = { kind: 'Pod', namespace: 'shop', name: 'db', uid: 'u2', fieldPath: 'spec.containers{db}' };
const start = Date.parse('2026-03-01T12:00:00.900Z');
const hour = 3_600_000;

interface Bench {
  readonly events: EventStore;
  readonly pass: (ms: number) => void;
  readonly lines: readonly (readonly [level: string, fields: object])[];
}

function bench(capacity?: number): Bench {
  let now = start;
  const lines: [string, object][] = [];
  const write = (level: string) => (fields: object) => void lines.push([level, fields]);
  const log = { info: write('info'), warn: write('warn'), debug: write('debug') };
  const limit = capacity === undefined ? {} : { capacity };
  const events = createEventRecorder({ clock: { now: () => now }, log, nodeName: 'node-1', ...limit });
  return { events, lines, pass: (ms) => void (now += ms) };
}

const seen = ({ events }: Bench): readonly string[] => events.list().map(({ reason, count }) => `${reason}×${count}`);

describe('event recorder', () => {
  it('makes a v1 Event of one thing that happened twice', () => {
    const { events, pass } = bench();
    events.event(db, 'Warning', 'BackOff', 'wait');
    pass(2_000);
    events.event(db, 'Warning', 'BackOff', 'wait');
    const [event, ...others] = events.list();
    expect(others).toEqual([]);
    expect(event).toEqual({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {
        name: `db.${event?.metadata.uid.slice(0, 8) ?? ''}`,
        namespace: 'shop',
        uid: expect.any(String) as string,
      },
      involvedObject: db,
      type: 'Warning',
      reason: 'BackOff',
      message: 'wait',
      source: { component: 'kubelet', host: 'node-1' },
      firstTimestamp: '2026-03-01T12:00:00Z',
      lastTimestamp: '2026-03-01T12:00:02Z',
      count: 2,
    });
  });

  it.each<[string, Parameters<EventStore['event']>]>([
    ['object', [{ ...web, uid: 'u3' }, 'Normal', 'Started', 'a']],
    ['part', [{ ...web, fieldPath: 'spec.containers{b}' }, 'Normal', 'Started', 'a']],
    ['type', [web, 'Warning', 'Started', 'a']],
    ['reason', [web, 'Normal', 'Killing', 'a']],
    ['message', [web, 'Normal', 'Started', 'b']],
  ])('counts events of another %s apart', (_, other) => {
    const { events } = bench();
    events.event(web, 'Normal', 'Started', 'a');
    events.event(...other);
    expect(events.list().map(({ count }) => count)).toEqual([1, 1]);
  });

  it('lists by the last occurrence, oldest first', () => {
    const b = bench();
    for (const reason of ['A', 'B', 'C', 'A']) b.events.event(web, 'Normal', reason, '');
    expect(seen(b)).toEqual(['B×1', 'C×1', 'A×2']);
  });

  it.each([
    [{ uid: 'u1' }, ['web']],
    [{ namespace: 'shop' }, ['db']],
    [{ name: 'web', namespace: 'default' }, ['web']],
    [{ name: 'web', namespace: 'shop' }, []],
    [{}, ['web', 'db']],
  ])('filters by %j', (filter, names) => {
    const { events } = bench();
    events.event(web, 'Normal', 'A', '');
    events.event(db, 'Normal', 'A', '');
    expect(events.list(filter).map(({ involvedObject }) => involvedObject.name)).toEqual(names);
  });

  it('forgets what happened an hour ago, and starts to count again', () => {
    const b = bench();
    b.events.event(web, 'Normal', 'Old', '');
    b.pass(hour / 2);
    b.events.event(web, 'Normal', 'Young', '');
    b.pass(hour / 2 + 1);
    expect(seen(b)).toEqual(['Young×1']);
    b.events.event(web, 'Normal', 'Old', '');
    expect(seen(b)).toEqual(['Young×1', 'Old×1']);
  });

  it('drops the oldest of a noisy object before those of others', () => {
    const b = bench();
    b.events.event(db, 'Normal', 'Quiet', '');
    for (let index = 0; index < 150; index += 1) b.events.event(web, 'Warning', 'Noise', String(index));
    const ofWeb = b.events.list({ uid: 'u1' });
    expect([ofWeb.length, ofWeb[0]?.message, b.events.list({ uid: 'u2' }).length]).toEqual([100, '50', 1]);
  });

  it('never holds more than its capacity, and always the newest', () => {
    const call = fc.record({
      uid: fc.constantFrom('a', 'b', 'c', 'd'),
      reason: fc.constantFrom('A', 'B', 'C', 'D', 'E'),
    });
    fc.assert(
      fc.property(
        fc.array(call, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 8 }),
        (calls, capacity) => {
          const { events } = bench(capacity);
          for (const { uid, reason } of calls) events.event({ ...web, uid }, 'Normal', reason, '');
          const list = events.list();
          const last = list[list.length - 1];
          expect(list.length).toBeLessThanOrEqual(capacity);
          expect({ uid: last?.involvedObject.uid, reason: last?.reason }).toEqual(calls[calls.length - 1]);
        },
      ),
    );
  });

  it('tells the log of each event once, and of repetitions only at debug', () => {
    const { events, lines } = bench();
    events.event(web, 'Normal', 'Started', 'started web');
    events.event(web, 'Normal', 'Started', 'started web');
    events.event(db, 'Warning', 'BackOff', 'wait');
    const pod = { kind: 'Pod', namespace: 'default', name: 'web', reason: 'Started', event: 'started web' };
    expect(lines).toEqual([
      ['info', pod],
      ['debug', { ...pod, count: 2 }],
      [
        'warn',
        { kind: 'Pod', namespace: 'shop', name: 'db', fieldPath: db.fieldPath, reason: 'BackOff', event: 'wait' },
      ],
    ]);
  });
});

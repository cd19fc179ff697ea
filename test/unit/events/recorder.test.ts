import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEventRecorder, type EventRecorderOptions } from '../../../agent/events/recorder.ts';
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

function bench(extra: Partial<EventRecorderOptions> = {}, since = 0): Bench {
  let now = start + since;
  const lines: [string, object][] = [];
  const write = (level: string) => (fields: object) => void lines.push([level, fields]);
  const log = { info: write('info'), warn: write('warn'), debug: write('debug') };
  const events = createEventRecorder({ clock: { now: () => now }, log, nodeName: 'node-1', ...extra });
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

  it('makes one event of messages that differ in their text only, from the tenth on', () => {
    const b = bench();
    for (let index = 1; index <= 12; index += 1) {
      b.events.event(web, 'Warning', 'Failed', `try ${index}`);
      b.events.event({ ...web, fieldPath: 'spec.containers{a}' }, 'Normal', 'Pulled', 'same');
    }
    const messages = b.events.list().map(({ message, count }) => [message, count]);
    const apart = Array.from({ length: 9 }, (_, index) => [`try ${index + 1}`, 1]);
    expect(messages).toEqual([...apart, ['(combined from similar events): try 12', 3], ['same', 12]]);
  });

  it('combines no messages that are ten minutes apart', () => {
    const b = bench();
    for (let index = 0; index < 12; index += 1) {
      b.events.event(web, 'Warning', 'Failed', `try ${index}`);
      b.pass(10 * 60_000 + 1);
    }
    expect(b.events.list().filter(({ message }) => message.startsWith('(combined'))).toEqual([]);
  });

  it('shows 25 events of an object at once, then one each 5 minutes with what was left out in its count', () => {
    const b = bench();
    for (let index = 0; index < 40; index += 1) b.events.event(web, 'Warning', 'BackOff', 'wait');
    b.events.event(db, 'Normal', 'Quiet', '');
    expect(seen(b)).toEqual(['BackOff×25', 'Quiet×1']);
    b.pass(5 * 60_000);
    b.events.event(web, 'Warning', 'BackOff', 'wait');
    b.events.event(web, 'Warning', 'BackOff', 'wait');
    expect(seen(b)).toEqual(['Quiet×1', 'BackOff×41']);
  });

  it('never shows more of an object than its tokens', () => {
    const step = fc.record({ passMs: fc.integer({ min: 0, max: 200_000 }), message: fc.integer({ min: 0, max: 30 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const b = bench();
        let [shown, passed] = [0, 0];
        b.events.subscribe({}, () => void (shown += 1));
        for (const { passMs, message } of steps) {
          b.pass(passMs);
          passed += passMs;
          b.events.event(web, 'Normal', 'Noise', String(message));
          expect(shown).toBeLessThanOrEqual(25 + passed / 300_000);
        }
        expect(shown).toBeGreaterThanOrEqual(Math.min(25, steps.length));
      }),
    );
  });

  it('tells subscribers of what matches their filter, until they leave', () => {
    const { events } = bench();
    const told: string[] = [];
    const leave = events.subscribe({ namespace: 'shop' }, ({ reason, count }) => told.push(`${reason}×${count}`));
    events.event(web, 'Normal', 'A', '');
    events.event(db, 'Normal', 'B', '');
    events.event(db, 'Normal', 'B', '');
    leave();
    events.event(db, 'Normal', 'C', '');
    expect(told).toEqual(['B×1', 'B×2']);
  });

  it('goes on with the events of a former daemon, and counts on', () => {
    const first = bench();
    first.events.event(db, 'Warning', 'BackOff', 'wait');
    for (let index = 0; index < 11; index += 1) first.events.event(web, 'Normal', 'Pulled', String(index));
    const former = first.events.list();
    const second = bench({ former });
    expect(second.events.list()).toEqual(former);
    second.events.event(db, 'Warning', 'BackOff', 'wait');
    const [last] = second.events.list().slice(-1);
    expect({ uid: last?.metadata.uid, count: last?.count }).toEqual({ uid: former[0]?.metadata.uid, count: 2 });
    const later = bench({ former }, hour + 2_000);
    expect(later.events.list()).toEqual([]);
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
          const { events } = bench({ capacity });
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

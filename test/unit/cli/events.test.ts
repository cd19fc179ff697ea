import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEventTable, renderEvents } from '../../../agent/cli/events/render.ts';
import { isAbout, parseFor } from '../../../agent/cli/events/selection-plan.ts';
import type { CoreEvent } from '../../../agent/events/types.ts';

const now = Date.parse('2026-03-01T12:05:00Z');

function event(change: Partial<CoreEvent> = {}): CoreEvent {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'web-node-1.0123', namespace: 'default', uid: 'e1' },
    involvedObject: {
      kind: 'Pod',
      namespace: 'default',
      name: 'web-node-1',
      uid: 'u1',
      fieldPath: 'spec.containers{a}',
    },
    type: 'Normal',
    reason: 'Started',
    message: 'Started container a',
    source: { component: 'kubelet', host: 'node-1' },
    firstTimestamp: '2026-03-01T12:02:00Z',
    lastTimestamp: '2026-03-01T12:04:55Z',
    count: 1,
    ...change,
  };
}

const plain = { namespace: false, wide: false };
const warning = event({ type: 'Warning', reason: 'BackOff', message: 'wait\nmore', count: 3 });

describe('renderEvents', () => {
  it('has the columns of kubectl', () => {
    expect(renderEvents([event(), warning], plain, now)).toBe(
      `LAST SEEN         TYPE      REASON    OBJECT           MESSAGE
5s                Normal    Started   Pod/web-node-1   Started container a
5s (x3 over 3m)   Warning   BackOff   Pod/web-node-1   wait...
`,
    );
  });

  it('has more when asked for', () => {
    const [head, row] = renderEvents([event()], { namespace: true, wide: true }, now).split('\n');
    expect(head?.split(/ {3,}/)).toEqual([
      ...['NAMESPACE', 'LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'SUBOBJECT', 'SOURCE', 'FIRST SEEN', 'COUNT', 'NAME'],
      'MESSAGE',
    ]);
    expect(row?.split(/ {3,}/)).toEqual([
      ...['default', '5s', 'Normal', 'Started', 'Pod/web-node-1', 'spec.containers{a}', 'kubelet, node-1', '3m', '1'],
      ...['web-node-1.0123', 'Started container a'],
    ]);
  });

  it('says that there are none', () => expect(renderEvents([], plain, now)).toBe('No events found.\n'));

  it('never lets a message steer the terminal or break its row', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0x2ff })), (codes) => {
        const message = String.fromCharCode(...codes);
        const text = renderEvents([event({ message })], plain, now);
        expect(text.replace(/\n$/, '').split('\n')[1]).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        expect(text.split('\n')).toHaveLength(3);
      }),
    );
  });
});

describe('createEventTable', () => {
  it('prints the header once, and rows below each other', () => {
    const table = createEventTable(plain);
    const [head, first] = table(event(), now).split('\n');
    const [second, end] = table(warning, now).split('\n');
    expect(end).toBe('');
    const column = (line: string | undefined, text: string): number => line?.indexOf(text) ?? -1;
    expect([column(first, 'Normal'), column(second, 'Warning')]).toEqual(Array(2).fill(column(head, 'TYPE')));
    expect([column(first, 'Started c'), column(second, 'wait')]).toEqual(Array(2).fill(column(head, 'MESSAGE')));
  });
});

describe('--for', () => {
  it.each([
    ['pod/web', { kind: 'Pod', name: 'web' }],
    ['Pods/web', { kind: 'Pod', name: 'web' }],
    ['node/n1', { kind: 'Node', name: 'n1' }],
  ])('reads %s', (text, expected) => expect(parseFor(text)).toEqual(expected));

  it.each(['web', 'pod/', '/web', 'pod/a/b', 'service/web'])('refuses %s', (text) => {
    expect(() => parseFor(text)).toThrow(`--for: "${text}" is not of the form pod/NAME`);
  });

  it.each([
    ['pod/web', 'Node-1', true],
    ['pod/web-node-1', 'node-1', true],
    ['pod/we', 'node-1', false],
    ['node/web', 'node-1', false],
  ])('%s on %s', (text, node, expected) => expect(isAbout(event(), parseFor(text), node)).toBe(expected));
});

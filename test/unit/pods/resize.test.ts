import { describe, expect, test } from 'vitest';
import type { Container } from '../../../agent/objects/types.ts';
import { annotation } from '../../../agent/pods/annotations.ts';
import type { ResizeContainer } from '../../../agent/pods/plan-types.ts';
import { dueResizes, noteResize, resizeProgress } from '../../../agent/pods/resize-plan.ts';
import { type AskedResize, desiredResize } from '../../../agent/pods/resize.ts';
import type { LinuxResources } from '../../../agent/runtime/types.ts';
import { container, instance, t0 } from './fixtures.ts';

const has: LinuxResources = { cpuShares: 102, cpuPeriod: 100_000, cpuQuota: 10_000, memoryLimit: 2 ** 26 };
const fields: readonly (readonly [keyof LinuxResources, number])[] = [
  ['cpuShares', 204],
  ['cpuPeriod', 50_000],
  ['cpuQuota', 0],
  ['memoryLimit', 0],
];

const running = (current: LinuxResources, created?: LinuxResources) =>
  instance('app', {
    resources: current,
    annotations: created === undefined ? {} : { [annotation.resources]: JSON.stringify(created) },
  });

const restarting = (...resources: readonly string[]): Container =>
  container('app', {
    resizePolicy: resources.map((resourceName) => ({ resourceName, restartPolicy: 'RestartContainer' })),
  });

describe('a container', () => {
  test.each(fields)('that lacks %s is updated, or restarted where it asks for that', (field, value) => {
    const wanted = { ...has, [field]: value };
    const own = field === 'memoryLimit' ? 'memory' : 'cpu';
    const action = (spec: Container): string | undefined => desiredResize(spec, wanted, running(has, has))?.action;
    expect([action(container('app')), action(restarting(own)), action(restarting('cpu', 'memory'))]).toEqual([
      'update',
      'restart',
      'restart',
    ]);
    expect(action(restarting(own === 'cpu' ? 'memory' : 'cpu'))).toBe('update');
    expect(desiredResize(restarting(own), has, running(has, has))).toBe(undefined);
  });

  test.each(fields)(
    'for which the runtime has another %s than asked is not restarted again and again',
    (field, value) => {
      const normalised = { ...has, [field]: value };
      expect(desiredResize(restarting('cpu', 'memory'), has, running(normalised, has))).toBe(undefined);
      // Containers of a daemon that wrote nothing down are compared with what runs.
      expect(desiredResize(restarting('cpu', 'memory'), has, running(normalised))?.action).toBe('restart');
    },
  );

  test('that cannot be inspected is left alone', () => {
    const unknown = instance('app');
    expect(desiredResize(container('app'), { ...has, cpuShares: 2 }, unknown)).toBe(undefined);
  });
});

describe('a resize that was asked for', () => {
  const resize: ResizeContainer = { id: 'a', container: container('a'), resources: has };
  const minute = 60_000;

  test.each(fields)('is not asked for again soon where %s never becomes what it is to be', (field, value) => {
    const asked = new Map([['a', noteResize(resize, new Map(), undefined, t0)]]);
    const due = (wanted: ResizeContainer, after: number): number => dueResizes([wanted], asked, t0 + after).length;
    expect([due(resize, 0), due(resize, 5 * minute - 1), due(resize, 5 * minute)]).toEqual([0, 0, 1]);
    expect(due({ ...resize, resources: { ...has, [field]: value } }, 0)).toBe(1);
    expect(due({ ...resize, id: 'b' }, 0)).toBe(1);
  });

  test('is tried again after a wait that doubles, up to five minutes, and from the start with other values', () => {
    const asked = new Map<string, AskedResize>();
    const delays: number[] = [];
    for (let attempt = 0; attempt < 7; attempt += 1) {
      const noted = noteResize(resize, asked, 'no', t0);
      asked.set('a', noted);
      delays.push(noted.delayMs / 1000);
    }
    expect(delays).toEqual([10, 20, 40, 80, 160, 300, 300]);
    expect(dueResizes([resize], asked, t0 + 299_999)).toEqual([]);
    const other = { ...resize, resources: { ...has, cpuShares: 2 } };
    expect(noteResize(other, asked, 'no', t0)).toEqual({
      resources: other.resources,
      failure: 'no',
      delayMs: 10_000,
      notBefore: t0 + 10_000,
    });
  });
});

describe('a resize is in progress', () => {
  const resize: ResizeContainer = { id: 'a', container: container('app'), resources: has };
  const asked = (failure: string | undefined): ReadonlyMap<string, AskedResize> =>
    new Map([['a', noteResize(resize, new Map(), failure, t0)]]);
  const kill = (forResize: boolean) => ({ container: running(has), message: '', forResize });

  test.each<readonly [string, Parameters<typeof resizeProgress>[0], ReadonlyMap<string, AskedResize>, unknown]>([
    ['not when nothing is to change', { resizeContainers: [], killContainers: [kill(false)] }, asked('no'), undefined],
    [
      'before it was asked for',
      { resizeContainers: [resize], killContainers: [] },
      new Map(),
      { containers: ['app'], error: undefined },
    ],
    [
      'not when the runtime has taken it',
      { resizeContainers: [resize], killContainers: [] },
      asked(undefined),
      undefined,
    ],
    [
      'when it failed',
      { resizeContainers: [resize], killContainers: [] },
      asked('no'),
      { containers: ['app'], error: 'no' },
    ],
    [
      'until the container is killed for it',
      { resizeContainers: [], killContainers: [kill(true)] },
      new Map(),
      { containers: ['app'] },
    ],
  ])('%s', (_, actions, before, expected) => {
    expect(resizeProgress(actions, before)).toEqual(expected);
  });
});

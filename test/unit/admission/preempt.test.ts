import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { admit } from '../../../agent/admission/admit.ts';
import { admitOrPreempt, preempt } from '../../../agent/admission/preempt.ts';
import type { AdmissionNode } from '../../../agent/admission/types.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { container, pod } from '../pods/fixtures.ts';

const node: AdmissionNode = {
  name: 'node',
  os: 'linux',
  labels: {},
  allocatable: {
    cpuMillis: 4000,
    memoryBytes: 2 ** 40,
    ephemeralStorageBytes: 2 ** 40,
    pods: 10,
    pids: 1000,
    hugepages: {},
  },
};

interface Shape {
  readonly cpu?: string;
  /** Guaranteed instead of burstable. */
  readonly guaranteed?: boolean;
  readonly priority?: number;
  readonly isStatic?: boolean;
}

function make(name: string, { cpu, guaranteed = false, priority, isStatic = false }: Shape = {}): Pod {
  const list = cpu === undefined ? undefined : { cpu, memory: '1Mi' };
  const resources = list === undefined ? {} : { requests: list, ...(guaranteed ? { limits: list } : {}) };
  const made = pod(
    { containers: [container('app', { resources })], ...(priority === undefined ? {} : { priority }) },
    isStatic ? { 'kubernetes.io/config.source': 'file' } : {},
  );
  return { ...made, metadata: { ...made.metadata, name } };
}

const names = (pods: readonly Pod[] | undefined): readonly string[] | undefined =>
  pods?.map(({ metadata }) => metadata.name);
const cpu = (amount: number): { resource: string; amount: number }[] => [{ resource: 'cpu', amount }];
const critical = make('critical', { cpu: '1', isStatic: true });

describe('victims', () => {
  test.each<[string, Pod[], number, readonly string[] | undefined]>([
    ['nothing is needed', [make('a', { cpu: '1' })], 0, []],
    ['burstable before guaranteed', [make('g', { cpu: '1', guaranteed: true }), make('b', { cpu: '1' })], 1000, ['b']],
    [
      'the one that comes nearest',
      [make('a', { cpu: '1' }), make('b', { cpu: '2' }), make('c', { cpu: '3' })],
      2000,
      ['b'],
    ],
    ['the smaller of two that are enough', [make('a', { cpu: '3' }), make('b', { cpu: '2' })], 1000, ['b']],
    [
      'few rather than many',
      [make('a', { cpu: '1' }), make('b', { cpu: '3' }), make('c', { cpu: '1' })],
      3500,
      ['b', 'a'],
    ],
    ['the lower priority', [make('a', { cpu: '1', priority: 5 }), make('b', { cpu: '1', priority: 1 })], 1000, ['b']],
    [
      'a guaranteed one only for what the others lack',
      [make('g', { cpu: '2', guaranteed: true }), make('b', { cpu: '1' })],
      2500,
      ['g', 'b'],
    ],
    ['critical pods never', [make('s', { cpu: '4', isStatic: true })], 1000, undefined],
    ['best-effort pods free no CPU', [make('e')], 1000, undefined],
  ])('%s', (_, others, amount, expected) => {
    expect(names(preempt(critical, others, amount === 0 ? [] : cpu(amount)))).toEqual(expected);
  });

  test('a place among the pods is freed by the lightest', () => {
    const others = [make('b', { cpu: '1' }), make('e')];
    expect(names(preempt(critical, others, [{ resource: 'pods', amount: 1 }]))).toEqual(['e']);
  });
});

describe('the decision', () => {
  test('a critical pod takes the place of another', () => {
    expect(admitOrPreempt(critical, [make('a', { cpu: '4' })], node)).toMatchObject({
      admitted: true,
      victims: [{ metadata: { name: 'a' } }],
    });
  });

  test('a pod that is not critical takes none', () => {
    expect(admitOrPreempt(make('x', { cpu: '1' }), [make('a', { cpu: '4' })], node)).toEqual({
      admitted: false,
      reason: 'OutOfcpu',
      message: "Node didn't have enough resource: cpu, requested: 1000, used: 4000, capacity: 4000",
    });
  });

  test('a critical pod for which nothing can be freed fails', () => {
    expect(admitOrPreempt(make('huge', { cpu: '9', isStatic: true }), [make('a', { cpu: '4' })], node)).toEqual({
      admitted: false,
      reason: 'UnexpectedAdmissionError',
      message:
        'Unexpected error while attempting to recover from admission failure: preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [(res: cpu, q: 9000), ]',
    });
  });

  test('nobody ends for a critical pod that cannot run here anyhow', () => {
    const one = make('s', { cpu: '1', isStatic: true });
    one.spec.nodeSelector = { zone: 'x' };
    expect(admitOrPreempt(one, [make('a', { cpu: '4' })], node)).toMatchObject({
      admitted: false,
      reason: 'NodeAffinity',
    });
  });
});

const shapes = fc.record({
  cpu: fc.integer({ min: 1, max: 4 }).map(String),
  guaranteed: fc.boolean(),
  priority: fc.integer({ min: 0, max: 2 }),
  isStatic: fc.boolean(),
});

test('a pod that was admitted fits once its victims are gone', () => {
  fc.assert(
    fc.property(shapes, fc.array(shapes, { maxLength: 6 }), (shape, list) => {
      const one = make('one', { ...shape, isStatic: true });
      const others = list.map((other, index) => make(`o${index}`, other));
      const decision = admitOrPreempt(one, others, node);
      if (!decision.admitted) return;
      const left = others.filter((other) => !decision.victims.includes(other));
      expect(admit(one, left, node)).toBe(undefined);
      expect(new Set(decision.victims).size).toBe(decision.victims.length);
    }),
  );
});

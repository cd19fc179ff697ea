import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDone, stepsTo, wayOf, type OwnObject } from '../../chaos/api-plan.ts';
import { podOfName } from '../../chaos/objects.ts';
import { isSteady } from '../../chaos/plan.ts';

const pods = 30;
const pod = { bound: 0, deployed: 3, static: 6, scheduled: 9 } as const;

const only = (revisions: Readonly<Record<number, number>>, service = false) => ({
  revisions: Array.from({ length: pods }, (_, index) => revisions[index] ?? 0),
  services: [service],
});
const deleted = (object: OwnObject): OwnObject => ({
  ...object,
  metadata: { ...object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
});
const keys = (wanted: Parameters<typeof stepsTo>[0], there: readonly OwnObject[]): object => {
  const { remove, write, going } = stepsTo(wanted, there, 'n1');
  return { remove, write: write.map(({ kind, metadata }) => `${kind}/${metadata.name}`), going };
};

it('steady pods and others come in all ways', () => {
  const waysOf = (steady: boolean): ReadonlySet<string> =>
    new Set(
      Array.from({ length: pods }, (_, index) => index)
        .filter((index) => isSteady(index) === steady)
        .map(wayOf),
    );
  expect(waysOf(true)).toEqual(new Set(['bound', 'Deployment', 'static', 'scheduled', 'DaemonSet']));
  expect(waysOf(false)).toEqual(waysOf(true));
});

it.each([
  ['p7', 7],
  ['p7-h1', 7],
  ['p17-5c9d-x2x', 17],
  ['q7', undefined],
  ['p7x', undefined],
])('the pod of name %s is %s', (name, index) => expect(podOfName(name)).toBe(index));

describe('steps to what is wanted in the API', () => {
  it('write what is missing, but not static pods', () => {
    const wanted = only({ [pod.bound]: 1, [pod.deployed]: 1, [pod.static]: 1, [pod.scheduled]: 1 }, true);
    const write = ['Pod/p0', 'Deployment/p3', 'Pod/p9', 'Service/s0'];
    expect(keys(wanted, [])).toEqual({ remove: [], write, going: [] });
    const [bound, , scheduled] = stepsTo(wanted, [], 'n1').write;
    expect([bound?.spec, scheduled?.spec]).toMatchObject([{ nodeName: 'n1' }, {}]);
    expect(scheduled?.spec).not.toHaveProperty('nodeName');
  });

  it('change a Deployment, and delete a pod before it is made anew', () => {
    const [old] = stepsTo(only({ [pod.bound]: 1 }), [], 'n1').write;
    const deployment = stepsTo(only({ [pod.deployed]: 1 }), [], 'n1').write;
    if (old === undefined) throw new Error('no pod is written');
    const wanted = only({ [pod.bound]: 2, [pod.deployed]: 2 });
    expect(keys(wanted, [old, ...deployment])).toEqual({
      ...{ remove: ['Pod/p0'], write: ['Deployment/p3'], going: ['Pod/p0'] },
    });
    expect(keys(wanted, [deleted(old)])).toEqual({ remove: [], write: ['Deployment/p3'], going: ['Pod/p0'] });
    expect(keys(wanted, [])).toEqual({ remove: [], write: ['Pod/p0', 'Deployment/p3'], going: [] });
  });

  it('come to an end from whatever is there', () => {
    const revisions = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: pods, maxLength: pods });
    const states = fc.record({ revisions, services: fc.array(fc.boolean(), { minLength: 2, maxLength: 2 }) });
    fc.assert(
      fc.property(states, states, (before, after) => {
        let there: readonly OwnObject[] = stepsTo(before, [], 'n1').write;
        for (let tries = 0; tries < 2; tries += 1) {
          const { remove, write } = stepsTo(after, there, 'n1');
          const gone = new Set([...remove, ...write.map(({ kind, metadata }) => `${kind}/${metadata.name}`)]);
          there = [...there.filter(({ kind, metadata }) => !gone.has(`${kind}/${metadata.name}`)), ...write];
        }
        expect(isDone(stepsTo(after, there, 'n1'))).toBe(true);
      }),
      { numRuns: 20 },
    );
  });
});

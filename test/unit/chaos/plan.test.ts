import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apply, isOfControlPlane, isSteady, plan, podsOfService } from '../../chaos/plan.ts';

const sizes = fc.record({
  pods: fc.integer({ min: 6, max: 60 }),
  rounds: fc.integer({ min: 1, max: 20 }),
  cluster: fc.boolean(),
});

describe('the plan of a chaos run', () => {
  it('is the same for the same seed, and another for another', () => {
    const size = { pods: 12, rounds: 6, cluster: false };
    expect(plan(1, size)).toEqual(plan(1, size));
    expect(plan(2, size)).not.toEqual(plan(1, size));
  });

  it('tells what is wanted, leaves steady pods alone, and keeps the daemon that is measured', () => {
    fc.assert(
      fc.property(fc.integer(), sizes, (seed, size) => {
        const { first, phases } = plan(seed, size);
        let wanted = first;
        for (const phase of phases) {
          const changes = phase.rounds.flatMap(({ before, during }) => [...before, ...during]);
          wanted = changes.reduce(apply, wanted);
          expect(phase.wanted).toEqual(wanted);
          wanted = phase.restore.reduce(apply, wanted);
          expect(phase.restored).toEqual(wanted);
          expect(wanted.revisions).not.toContain(0);
          expect(wanted.services).not.toContain(false);
          expect(phase.wanted.services.every((_, service) => podsOfService(service, phase.wanted).length > 0)).toBe(
            true,
          );
          expect(changes.some((change) => change.kind === 'pod' && isSteady(change.pod))).toBe(false);
        }
        expect(wanted.revisions.filter((_, pod) => isSteady(pod)).every((revision) => revision === 1)).toBe(true);
        const last = phases.at(-1)?.rounds.map(({ fault }) => fault.kind) ?? [];
        expect(last.filter((kind) => kind.startsWith('daemon'))).toEqual([]);
      }),
    );
  });

  it.each([
    { cluster: false, kinds: [8, 6] },
    { cluster: true, kinds: [14, 12] },
  ])('has every fault when there are rounds enough (cluster: $cluster)', ({ cluster, kinds }) => {
    const { phases } = plan(3, { pods: 6, rounds: 14, cluster });
    const faults = phases.map(({ rounds }) => rounds.map(({ fault }) => fault));
    expect(faults.map((dealt) => new Set(dealt.map(({ kind }) => kind)).size)).toEqual(kinds);
    expect(faults.flat().some(isOfControlPlane)).toBe(cluster);
  });
});

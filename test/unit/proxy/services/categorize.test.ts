import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { categorizeEndpoints } from '../../../../proxy/services/categorize.ts';
import type { Candidate } from '../../../../proxy/services/endpoints.ts';
import type { ServicePort } from '../../../../proxy/services/service-ports.ts';
import type { Endpoint } from '../../../../proxy/types.ts';
import { endpoint, LABELS, NODE, WEB, ZONE } from './helpers.ts';

type Hints = Partial<Pick<Candidate, 'forNodes' | 'forZones'>>;

const HERE = { isLocal: true };
const DEAD = { ready: false, serving: false };
const LEAVING = { ready: false, terminating: true };

/** Candidates at 198.51.100.1, .2, ... */
function candidates(...list: readonly (Partial<Endpoint> & Hints)[]): readonly Candidate[] {
  return list.map(({ forNodes = [], forZones = [], ...rest }, index) => ({
    endpoint: endpoint(`198.51.100.${index + 1}`, rest),
    forNodes,
    forZones,
  }));
}

/** Last parts of the addresses of each list, and whether there are any anywhere. */
function categorize(list: readonly Candidate[], port: Partial<ServicePort>, name = NODE): readonly unknown[] {
  const result = categorizeEndpoints(list, { ...WEB, ...port }, { name, labels: LABELS });
  const lists = [result.clusterEndpoints, result.localEndpoints, result.allEndpoints];
  return [...lists.map((endpoints) => endpoints.map(({ ip }) => Number(ip.split('.')[3]))), result.hasAnyEndpoints];
}

const OUTSIDE = { nodePort: 30_080, externalPolicyLocal: true };
const INSIDE = { internalPolicyLocal: true };

describe('endpoints for the policy Cluster', () => {
  test.each<[string, readonly Candidate[], readonly unknown[]]>([
    ['are none of none', [], [[], [], [], false]],
    ['are the ready ones', candidates({}, DEAD, LEAVING, HERE), [[1, 4], [], [1, 4], true]],
    ['are those that leave but serve when none is ready', candidates(DEAD, LEAVING), [[2], [], [2], true]],
    [
      'are none when those that leave do not serve either',
      candidates(DEAD, { ...LEAVING, serving: false }),
      [[], [], [], false],
    ],
    ['are not those that are only not ready yet', candidates({ ready: false }), [[], [], [], false]],
    [
      'are those for the zone',
      candidates({ forZones: [ZONE] }, { forZones: ['zone-2'] }, { forZones: ['zone-2', ZONE] }),
      [[1, 3], [], [1, 3], true],
    ],
    ['are all when one has no hint', candidates({ forZones: [ZONE] }, {}), [[1, 2], [], [1, 2], true]],
    [
      'are those for the zone also when one that is not ready has no hint',
      candidates({ forZones: [ZONE] }, { forZones: ['zone-2'] }, DEAD),
      [[1], [], [1], true],
    ],
    ['are all when none is for the zone', candidates({ forZones: ['zone-2'] }), [[1], [], [1], true]],
    [
      'are those for the node before those for the zone',
      candidates({ forNodes: [NODE], forZones: [ZONE] }, { forNodes: ['node-b'], forZones: [ZONE] }),
      [[1], [], [1], true],
    ],
    [
      'are those for the zone when none is for the node',
      candidates({ forNodes: ['node-c'], forZones: [ZONE] }, { forNodes: ['node-b'], forZones: ['zone-2'] }),
      [[1], [], [1], true],
    ],
    [
      'are those that leave of all zones',
      candidates({ ...LEAVING, forZones: [ZONE] }, { ...LEAVING, forZones: ['zone-2'] }),
      [[1, 2], [], [1, 2], true],
    ],
  ])('%s', (_what, list, expected) => expect(categorize(list, {})).toEqual(expected));
});

describe('endpoints for the policy Local', () => {
  test.each<[string, Partial<ServicePort>, readonly Candidate[], readonly unknown[]]>([
    ['are those of the node', INSIDE, candidates({}, HERE), [[], [2], [2], true]],
    ['are none when all are elsewhere', INSIDE, candidates({}), [[], [], [], true]],
    ['from outside are those of the node', OUTSIDE, candidates({}, HERE), [[1, 2], [2], [1, 2], true]],
    [
      'from outside do not matter when nothing outside reaches them',
      { externalPolicyLocal: true },
      candidates({}, HERE),
      [[1, 2], [], [1, 2], true],
    ],
    [
      'fall back to those that leave, also while others are ready elsewhere',
      OUTSIDE,
      candidates({}, { ...HERE, ...LEAVING }),
      [[1], [2], [1, 2], true],
    ],
    [
      'are not chosen by hints',
      OUTSIDE,
      candidates({ forZones: [ZONE] }, { ...HERE, forZones: ['zone-2'] }),
      [[1], [2], [1, 2], true],
    ],
    [
      'of both kinds of traffic still leave all to what is inside',
      { ...INSIDE, ...OUTSIDE },
      candidates({}, HERE),
      [[1, 2], [2], [1, 2], true],
    ],
  ])('%s', (_what, port, list, expected) => expect(categorize(list, port)).toEqual(expected));
});

const anyCandidates = fc
  .array(
    fc.record({
      isLocal: fc.boolean(),
      ready: fc.boolean(),
      serving: fc.boolean(),
      terminating: fc.boolean(),
      forNodes: fc.subarray([NODE, 'node-b']),
      forZones: fc.subarray([ZONE, 'zone-2']),
    }),
    { maxLength: 6 },
  )
  .map((list) => candidates(...list));

const anyPort = fc.record({
  nodePort: fc.constantFrom(0, 30_080),
  internalPolicyLocal: fc.boolean(),
  externalPolicyLocal: fc.boolean(),
});

test('whatever the endpoints are, the lists keep the laws', () => {
  fc.assert(
    fc.property(anyCandidates, anyPort, (list, port) => {
      const all = list.map(({ endpoint: one }) => one);
      const usable = all.filter(({ ready, serving, terminating }) => ready || (serving && terminating));
      const result = categorizeEndpoints(list, { ...WEB, ...port }, { name: NODE, labels: LABELS });
      const { clusterEndpoints: cluster, localEndpoints: local, allEndpoints, hasAnyEndpoints } = result;
      const uses = { cluster: !port.internalPolicyLocal || port.nodePort > 0, local: port.internalPolicyLocal };
      const usesLocal = uses.local || (port.externalPolicyLocal && port.nodePort > 0);

      // Both lists together, once each, in the order that was given.
      expect(allEndpoints).toEqual(all.filter((one) => cluster.includes(one) || local.includes(one)));
      // No list holds what cannot serve, nor mixes those that leave with those that are ready.
      for (const chosen of [cluster, local]) {
        expect(chosen.filter((one) => !usable.includes(one))).toEqual([]);
        expect(new Set(chosen.map(({ ready }) => ready)).size).toBeLessThanOrEqual(1);
      }
      // Traffic is never refused while something could take it.
      expect(hasAnyEndpoints).toBe(usable.length > 0);
      expect(cluster.length > 0).toBe(uses.cluster && usable.length > 0);
      expect(local.length > 0).toBe(usesLocal && usable.some(({ isLocal }) => isLocal));
      expect(local.every(({ isLocal }) => isLocal)).toBe(true);
      // A ready endpoint is passed over for one that leaves only when the policy forbids it.
      if (all.some(({ ready }) => ready)) expect(cluster.every(({ ready }) => ready)).toBe(true);
    }),
  );
});

test.each<[string, Partial<ServicePort>, readonly Candidate[], readonly string[] | undefined]>([
  ['what terminates and serves keeps UDP flows', { protocol: 'UDP' }, candidates({}, LEAVING, DEAD), ['198.51.100.2']],
  [
    'what is preferred elsewhere keeps UDP flows',
    { protocol: 'UDP' },
    candidates({ forZones: [ZONE] }, { forZones: ['zone-2'] }),
    ['198.51.100.2'],
  ],
  ['the last ones that serve are in use', { protocol: 'UDP' }, candidates(LEAVING, DEAD), undefined],
  ['flows of TCP are not looked at', {}, candidates({}, LEAVING), undefined],
])('former endpoints: %s', (_what, port, list, expected) => {
  const { formerEndpoints } = categorizeEndpoints(list, { ...WEB, ...port }, { name: NODE, labels: LABELS });
  expect(formerEndpoints?.map(({ ip }) => ip)).toEqual(expected);
});

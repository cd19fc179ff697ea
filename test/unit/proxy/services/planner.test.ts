import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createServicePlanner, planServices, type PlanChanges } from '../../../../proxy/services/index.ts';
import { keyOf, type ServiceInput, type SliceInput } from '../../../../proxy/services/input.ts';
import { LABELS, NODE, SETTINGS } from './helpers.ts';

const START = { nodeName: NODE, nodeLabels: LABELS, settings: SETTINGS };

function serviceOf(name: string, rest: Partial<ServiceInput['spec']> = {}): ServiceInput {
  const spec = { clusterIP: '192.0.2.1', clusterIPs: ['192.0.2.1', '2001:db8::1'], ports: [{ port: 80 }], ...rest };
  return { metadata: { namespace: 'lab', name }, spec };
}

function sliceOf(
  name: string,
  service: string,
  addresses: readonly string[],
  rest: Partial<SliceInput> = {},
): SliceInput {
  return {
    metadata: { namespace: 'lab', name, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ port: 8080 }],
    endpoints: addresses.map((address) => ({ addresses: [address] })),
    ...rest,
  };
}

function entries<T extends { metadata: { namespace: string; name: string } }>(
  ...objects: readonly T[]
): Map<string, T> {
  return new Map(objects.map((object) => [keyOf(object), object]));
}

const gone = (...keys: readonly string[]): Map<string, undefined> => new Map(keys.map((key) => [key, undefined]));

describe('the planner keeps', () => {
  const services = entries(serviceOf('a'), serviceOf('b'));
  const slices = entries(sliceOf('a-1', 'a', ['198.51.100.1']), sliceOf('b-1', 'b', ['198.51.100.2']));

  test('the plans of Services that a change does not touch', () => {
    const planner = createServicePlanner(START);
    const before = planner.update({ services, slices });
    const after = planner.update({ slices: entries(sliceOf('b-1', 'b', ['198.51.100.3'])) });
    expect(after[4].services[0]).toBe(before[4].services[0]);
    expect(after[4].services[1]?.allEndpoints.map(({ ip }) => ip)).toEqual(['198.51.100.3']);
    expect(after[6]).toBe(before[6]);
  });

  test.each<[string, PlanChanges]>([
    ['nothing', {}],
    ['copies of what was there', structuredClone({ services, slices, settings: SETTINGS, nodeLabels: LABELS })],
    ['labels that no hint is about', { nodeLabels: { 'topology.kubernetes.io/zone': 'zone-9' } }],
    ['what was never there to go', { services: gone('lab/x'), slices: gone('lab/x') }],
    ['a slice of a Service that there is not', { slices: entries(sliceOf('x-1', 'x', ['198.51.100.9'])) }],
  ])('all that it has when told %s', (_what, changes) => {
    const planner = createServicePlanner(START);
    const before = planner.update({ services, slices });
    const after = planner.update(changes);
    expect([after[4] === before[4], after[6] === before[6]]).toEqual([true, true]);
  });

  test('the Services when only the settings of a family change', () => {
    const planner = createServicePlanner(START);
    const before = planner.update({ services, slices });
    const next = { ...SETTINGS[4], masqueradeAll: true };
    const after = planner.update({ settings: { ...SETTINGS, 4: next } });
    expect(after[4]).toEqual({ settings: next, services: before[4].services });
    expect([after[4].services === before[4].services, after[6] === before[6]]).toEqual([true, true]);
  });
});

const anyService = fc.record({
  name: fc.constantFrom('a', 'b', 'c'),
  clusterIP: fc.constantFrom('', 'None', '192.0.2.1', '2001:db8::1'),
  ports: fc.constantFrom(
    [{ port: 80 }],
    [{ port: 80, nodePort: 30_000 }],
    [
      { name: 'x', port: 1 },
      { name: 'y', port: 2 },
    ],
  ),
  policy: fc.constantFrom('Cluster', 'Local'),
});
const anySlice = fc.record({
  name: fc.constantFrom('s1', 's2', 's3'),
  service: fc.constantFrom('a', 'b', 'c', ''),
  port: fc.constantFrom('', 'x', 'y'),
  endpoints: fc.array(
    fc.record({
      addresses: fc.constantFrom(['198.51.100.1'], ['198.51.100.2'], ['2001:db8::2']),
      nodeName: fc.constantFrom(NODE, 'node-b'),
      conditions: fc.record({ ready: fc.boolean() }),
      hints: fc.constantFrom({}, { forZones: [{ name: 'zone-1' }] }, { forZones: [{ name: 'zone-2' }] }),
    }),
    { maxLength: 3 },
  ),
  family: fc.constantFrom('IPv4', 'IPv6'),
});
const anyChange = fc.oneof(
  anyService.map(({ name, policy, ...spec }): PlanChanges => {
    const rest = { ...spec, clusterIPs: [], internalTrafficPolicy: policy };
    return { services: entries(serviceOf(name, rest)) };
  }),
  anySlice.map(({ name, service, port, endpoints, family }): PlanChanges => {
    const rest = { addressType: family, ports: [{ name: port, port: 8080 }], endpoints };
    return { slices: entries(sliceOf(name, service, [], rest)) };
  }),
  fc.constantFrom('lab/a', 'lab/b').map((key): PlanChanges => ({ services: gone(key) })),
  fc.constantFrom('lab/s1', 'lab/s2').map((key): PlanChanges => ({ slices: gone(key) })),
  fc
    .constantFrom('zone-1', 'zone-2')
    .map((zone): PlanChanges => ({ nodeLabels: { 'topology.kubernetes.io/zone': zone } })),
);

function apply<T>(to: Map<string, T>, changes: ReadonlyMap<string, T | undefined> = new Map()): void {
  for (const [key, one] of changes) {
    if (one === undefined) to.delete(key);
    else to.set(key, one);
  }
}

test('step by step the planner says what it would say from scratch', () => {
  fc.assert(
    fc.property(fc.array(anyChange, { maxLength: 20 }), (changes) => {
      const planner = createServicePlanner(START);
      const services = new Map<string, ServiceInput>();
      const slices = new Map<string, SliceInput>();
      let nodeLabels: Readonly<Record<string, string>> = LABELS;
      for (const change of changes) {
        apply(services, change.services);
        apply(slices, change.slices);
        nodeLabels = change.nodeLabels ?? nodeLabels;
        const input = { ...START, nodeLabels, services: [...services.values()], slices: [...slices.values()] };
        expect(planner.update(change)).toEqual(planServices(input));
      }
    }),
  );
});

test('one changed endpoint among many Services changes one plan', () => {
  const names = Array.from({ length: 200 }, (_, index) => `s${index}`);
  const addresses = (last: number): string[] => [1, 2, 3, 4, last].map((host) => `198.51.100.${host}`);
  const services = entries(...names.map((name) => serviceOf(name)));
  const slices = entries(...names.map((name) => sliceOf(`${name}-1`, name, addresses(5))));
  const planner = createServicePlanner(START);
  const before = planner.update({ services, slices })[4].services;
  const after = planner.update({ slices: entries(sliceOf('s7-1', 's7', addresses(6))) })[4].services;
  expect(after.filter((plan, index) => plan !== before[index]).map(({ name }) => name.name)).toEqual(['s7']);
});

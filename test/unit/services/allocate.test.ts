import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Service } from '../../../agent/objects/types.ts';
import { allocate, type Allocation, type KeptServices, type ServiceRanges } from '../../../agent/services/index.ts';
import { formatKept, parseKept } from '../../../agent/services/kept.ts';
import type { ServiceSpec } from '../../../agent/services/types.ts';
import { service } from './helpers.ts';

const FOUR = '198.51.100.0/24';
const SIX = '2001:db8::/112';
const RANGES: ServiceRanges = { clusterIps: [FOUR, SIX], nodePorts: { first: 30_000, last: 30_255 } };
const NONE: KeptServices = new Map();
const ports = (...nodePorts: readonly number[]): NonNullable<ServiceSpec['ports']> =>
  nodePorts.map((nodePort, index) => ({ name: `p${index}`, port: 80 + index, protocol: 'TCP', nodePort }));

/** Spec of the first Service that is allocated. */
function specOf({ services }: Allocation): ServiceSpec | undefined {
  return services[0]?.spec;
}

function problemsOf({ problems }: Allocation): readonly string[] {
  return problems.map(({ object, path, message }) => `${object} ${path} ${message}`);
}

describe('a Service gets', () => {
  test('an address, and the fields that say so', () => {
    const { services, kept, problems } = allocate([service()], NONE, RANGES);
    const [address = ''] = services[0]?.spec?.clusterIPs ?? [];
    expect(address).toMatch(/^198\.51\.100\.\d+$/);
    expect(services).toEqual([
      service({ clusterIP: address, clusterIPs: [address], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' }),
    ]);
    expect(kept).toEqual(new Map([['lab/web', { clusterIps: [address], nodePorts: {}, healthCheckNodePort: 0 }]]));
    expect(problems).toEqual([]);
  });

  test.each<[string, ServiceSpec, readonly string[], string | undefined]>([
    ['one family', {}, ['IPv4'], 'SingleStack'],
    ['the family that it asks for', { ipFamilies: ['IPv6'] }, ['IPv6'], 'SingleStack'],
    ['the family of its address', { clusterIP: '2001:db8::7' }, ['IPv6'], 'SingleStack'],
    ['both families', { ipFamilyPolicy: 'PreferDualStack' }, ['IPv4', 'IPv6'], 'PreferDualStack'],
    [
      'both families in its order',
      { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6'] },
      ['IPv6', 'IPv4'],
      'RequireDualStack',
    ],
    [
      'both families by both addresses',
      { clusterIPs: ['2001:db8::7', '198.51.100.7'], clusterIP: '2001:db8::7' },
      ['IPv6', 'IPv4'],
      'RequireDualStack',
    ],
  ])('%s', (_what, spec, families, policy) => {
    const given = specOf(allocate([service(spec)], NONE, RANGES));
    const shown = given?.clusterIPs?.map((address) => (address.includes(':') ? 'IPv6' : 'IPv4'));
    expect([given?.ipFamilies, shown, given?.ipFamilyPolicy]).toEqual([families, families, policy]);
    expect(given?.clusterIPs?.[0]).toBe(given?.clusterIP);
    if (spec.clusterIP !== undefined) expect(given?.clusterIP).toBe(spec.clusterIP);
  });

  test('one family where there is one only, though it prefers two', () => {
    const single = { ...RANGES, clusterIps: [FOUR] };
    expect(specOf(allocate([service({ ipFamilyPolicy: 'PreferDualStack' })], NONE, single))?.ipFamilies).toEqual([
      'IPv4',
    ]);
  });

  test.each<[string, ServiceSpec]>([
    ['that is headless', { clusterIP: 'None' }],
    ['that is a name elsewhere', { type: 'ExternalName', externalName: 'db.example.com' }],
  ])('nothing when it is one %s', (_what, spec) => {
    expect(allocate([service(spec)], NONE, RANGES)).toEqual({ services: [service(spec)], kept: NONE, problems: [] });
  });

  test('node ports, one for all protocols of a port, and a port for health', () => {
    const spec: ServiceSpec = {
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      ports: [
        { name: 'tcp', port: 53, protocol: 'TCP' },
        { name: 'udp', port: 53, protocol: 'UDP' },
        { name: 'http', port: 80, protocol: 'TCP', nodePort: 30_001 },
      ],
    };
    const given = specOf(allocate([service(spec)], NONE, RANGES));
    const [tcp = 0, udp, http] = given?.ports?.map(({ nodePort }) => nodePort) ?? [];
    expect([tcp, http]).toEqual([udp, 30_001]);
    expect(new Set([tcp, http, given?.healthCheckNodePort]).size).toBe(3);
  });

  test('no node ports of a load balancer that wants none', () => {
    const spec: ServiceSpec = { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false };
    expect(specOf(allocate([service(spec)], NONE, RANGES))?.ports).toEqual(service().spec?.ports);
  });

  test('none of the lower numbers, which are for those who name one', () => {
    const many = Array.from({ length: 60 }, (_, index) => service({ type: 'NodePort' }, `s${index}`));
    const specs = allocate(many, NONE, RANGES).services.map(({ spec }) => spec);
    const hosts = specs.map((spec) => Number(spec?.clusterIP?.split('.')[3]));
    expect(Math.min(...hosts)).toBeGreaterThan(16);
    expect(Math.min(...specs.map((spec) => spec?.ports?.[0]?.nodePort ?? 0))).toBeGreaterThanOrEqual(30_016);
  });

  test('also the lower numbers when there are no others', () => {
    const small: ServiceRanges = { clusterIps: ['198.51.100.0/29'], nodePorts: { first: 30_000, last: 30_005 } };
    const many = Array.from({ length: 7 }, (_, index) => service({ type: 'NodePort' }, `s${index}`));
    const result = allocate(many, NONE, small);
    expect([result.services.length, problemsOf(result)]).toEqual([
      6,
      [
        'Service/lab/s6 spec.clusterIP Invalid value: no IPv4 address of the service range 198.51.100.0/29 is free',
        'Service/lab/s6 spec.ports[0].nodePort Invalid value: no node port of 30000-30005 is free',
      ],
    ]);
  });
});

describe('what a manifest names', () => {
  test.each<[string, ServiceSpec, readonly string[]]>([
    [
      'outside of the range is refused',
      { clusterIP: '203.0.113.1' },
      [
        'spec.clusterIP Invalid value: 203.0.113.1 is not an address for Services of the range 198.51.100.0/24, 2001:db8::/112',
      ],
    ],
    [
      'may not be the address of the network',
      { clusterIP: '198.51.100.0' },
      [
        'spec.clusterIP Invalid value: 198.51.100.0 is not an address for Services of the range 198.51.100.0/24, 2001:db8::/112',
      ],
    ],
    [
      'may not be the broadcast address',
      { clusterIP: '198.51.100.255' },
      [
        'spec.clusterIP Invalid value: 198.51.100.255 is not an address for Services of the range 198.51.100.0/24, 2001:db8::/112',
      ],
    ],
    [
      'as a node port has a range too',
      { type: 'NodePort', ports: ports(80) },
      ['spec.ports[0].nodePort Invalid value: 80 is not in the range of node ports, 30000-30255'],
    ],
  ])('%s', (_what, spec, expected) => {
    const result = allocate([service(spec)], NONE, RANGES);
    expect([problemsOf(result), result.services]).toEqual([expected.map((text) => `Service/lab/web ${text}`), []]);
  });

  test('is kept from another Service, which is told and left out as a whole', () => {
    const two = ['b', 'a'].map((name) =>
      service({ type: 'NodePort', clusterIP: '198.51.100.7', ports: ports(30_007) }, name),
    );
    const result = allocate(two, NONE, RANGES);
    expect([result.services.map(({ metadata }) => metadata.name), problemsOf(result)]).toEqual([
      ['a'],
      [
        'Service/lab/b spec.clusterIP Invalid value: 198.51.100.7 is the address of the Service lab/a already',
        'Service/lab/b spec.ports[0].nodePort Invalid value: 30007 is a node port of the Service lab/a already',
      ],
    ]);
  });

  test('stays with the Service that had it', () => {
    const b = service({ clusterIP: '198.51.100.7' }, 'b');
    const { kept } = allocate([b], NONE, RANGES);
    const { services } = allocate([service({ clusterIP: '198.51.100.7' }, 'a'), b], kept, RANGES);
    expect(services.map(({ metadata }) => metadata.name)).toEqual(['b']);
  });

  test('is taken from a Service that was only given it', () => {
    const { kept, services } = allocate([service({}, 'a')], NONE, RANGES);
    const clusterIP = services[0]?.spec?.clusterIP ?? '';
    const next = allocate([service({}, 'a'), service({ clusterIP }, 'b')], kept, RANGES);
    const [a, b] = next.services.map(({ spec }) => spec?.clusterIP);
    expect([b, a === clusterIP, next.problems]).toEqual([clusterIP, false, []]);
  });
});

const anySpec = fc.record<ServiceSpec>(
  {
    type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer'),
    clusterIP: fc.constantFrom('', '', '', '198.51.100.7', '198.51.100.40'),
    ipFamilyPolicy: fc.constantFrom('SingleStack', 'PreferDualStack'),
    externalTrafficPolicy: fc.constantFrom('Cluster', 'Local'),
    ports: fc.constantFrom(ports(0), ports(0, 0), ports(0, 30_040)),
  },
  { requiredKeys: ['type', 'ports'] },
);
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const anyServices = fc.dictionary(fc.constantFrom(...NAMES), anySpec).map((specs) =>
  Object.entries(specs).map(([name, { type, ports: list, ...spec }]) => {
    const inside = type === 'ClusterIP' ? ports(...(list ?? []).map(() => 0)) : (list ?? []);
    return service({ ...spec, ports: inside, ...(type === undefined ? {} : { type }) }, name);
  }),
);

/** Every address and every node port of each Service, once a Service. */
function held(services: readonly Service[]): readonly string[] {
  return services.flatMap(({ spec = {} }) => {
    const numbers = [...(spec.ports ?? []).map(({ nodePort = 0 }) => nodePort), spec.healthCheckNodePort ?? 0];
    return [...(spec.clusterIPs ?? []), ...new Set(numbers.filter((port) => port !== 0).map(String))];
  });
}

// Small, so that Services meet.
const TIGHT: ServiceRanges = {
  clusterIps: ['198.51.100.0/26', '2001:db8::/122'],
  nodePorts: { first: 30_000, last: 30_060 },
};

describe('whatever the Services are', () => {
  test('nothing is given twice, and all get what they need or are told why', () => {
    fc.assert(
      fc.property(fc.array(anyServices, { minLength: 1, maxLength: 5 }), (rounds) => {
        let kept: KeptServices = NONE;
        for (const services of rounds) {
          const result = allocate(services, kept, TIGHT);
          kept = result.kept;
          const all = held(result.services);
          expect(new Set(all).size).toBe(all.length);
          expect(result.services.every(({ spec }) => spec?.clusterIP !== undefined && spec.clusterIP !== '')).toBe(
            true,
          );
          const told = new Set(result.problems.map(({ object }) => object));
          expect(result.services.length + told.size).toBe(services.length);
        }
      }),
    );
  });

  test('a restart changes nothing, in whatever order manifests are read', () => {
    fc.assert(
      fc.property(anyServices, (services) => {
        const first = allocate(services, NONE, TIGHT);
        const again = allocate(services.toReversed(), parseKept(formatKept(first.kept)), TIGHT);
        expect(again.services.toReversed()).toEqual(first.services);
        expect(formatKept(again.kept)).toBe(formatKept(first.kept));
      }),
    );
  });

  test('Services that come and go change nothing for one that stays and names nothing', () => {
    const plain = service({ type: 'NodePort', ports: ports(0) }, 'stays');
    const named = ({ spec = {} }: Service): boolean =>
      (spec.clusterIP ?? '') !== '' || (spec.ports ?? []).some(({ nodePort = 0 }) => nodePort !== 0);
    fc.assert(
      fc.property(fc.array(anyServices, { maxLength: 4 }), (rounds) => {
        const first = allocate([plain], NONE, TIGHT);
        let { kept } = first;
        for (const others of rounds) {
          const result = allocate([...others.filter((other) => !named(other)), plain], kept, TIGHT);
          kept = result.kept;
          expect(result.services.at(-1)).toEqual(first.services[0]);
        }
      }),
    );
  });
});

describe('the file of what was given', () => {
  test.each(['', '{', '[]', '{"version":2,"services":{}}', '{"version":1,"services":3}', 'null', '{"version":1}'])(
    '%j is taken for none',
    (text) => expect(parseKept(text)).toEqual(NONE),
  );

  test('loses only what cannot be understood', () => {
    const good = { clusterIps: ['198.51.100.7'], nodePorts: { '/TCP': 30_001 }, healthCheckNodePort: 0 };
    const services = { 'lab/a': good, 'lab/b': { ...good, clusterIps: 3 }, 'lab/c': null };
    expect(parseKept(JSON.stringify({ version: 1, services }))).toEqual(new Map([['lab/a', good]]));
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffStates } from '../../../../proxy/ipvs/diff.ts';
import { planDrain } from '../../../../proxy/ipvs/drain.ts';
import { parseAddresses, parseConnections, parseServers, parseSets } from '../../../../proxy/ipvs/parse.ts';
import { renderChanges } from '../../../../proxy/ipvs/render.ts';
import type { Draining, IpvsState } from '../../../../proxy/ipvs/state.ts';
import type { ServicePortPlan } from '../../../../proxy/types.ts';
import { EMPTY, endpoint, port, stateOf } from './helpers.ts';
import { createKernel } from './kernel.ts';

type Kernel = ReturnType<typeof createKernel>;

const observe = (kernel: Kernel): IpvsState => ({
  servers: parseServers(kernel.saveServers(), 4),
  sets: parseSets(kernel.saveSets(), 4),
  addresses: parseAddresses(kernel.saveAddresses(), 4).onLink,
});

/** A state without order, and without real servers that get no connections. */
function contentOf({ servers, sets, addresses }: IpvsState): unknown {
  const taking = (reals: ReadonlyMap<string, number>): unknown => [...reals].filter(([, weight]) => weight > 0).sort();
  return {
    servers: [...servers.values()].map(({ service, options, reals }) => [service, options, taking(reals)]).sort(),
    sets: Array.from(sets, ([kind, entries]) => [kind, [...entries].sort()]).sort(),
    addresses: [...(addresses ?? [])].sort(),
  };
}

const endpoints = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.boolean()), { selector: ([host]) => host })
  .map((found) => found.map(([host, isLocal]) => endpoint(`203.0.113.${host}`, { isLocal })));

const service = (index: number): fc.Arbitrary<ServicePortPlan> =>
  fc
    .record({
      found: endpoints,
      protocol: fc.constantFrom('TCP', 'UDP', 'SCTP'),
      nodePort: fc.constantFrom(0, 30_000, 30_001),
      externalIps: fc.subarray(['192.0.2.150', '192.0.2.151']),
      loadBalancerIps: fc.subarray(['192.0.2.160']),
      sourceRanges: fc.subarray(['203.0.113.0/24', '0.0.0.0/0']),
      affinitySeconds: fc.constantFrom(undefined, 60),
      externalPolicyLocal: fc.boolean(),
      internalPolicyLocal: fc.boolean(),
    })
    .map(({ found, ...rest }) =>
      port(found, {
        ...rest,
        name: { namespace: 'lab', name: `s${index}`, port: '' },
        clusterIp: `192.0.2.${130 + index}`,
      }),
    );

const services = fc.tuple(service(0), service(1), service(2)).chain((all) => fc.subarray(all));

describe('a difference', () => {
  it('brings the kernel to the state from any other, as from the state that was written as from the one that is read', () => {
    const histories = fc.array(services, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(histories, fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }), (history, restarts) => {
        const kernel = createKernel();
        let have = EMPTY;
        let draining: Draining = new Map();
        history.forEach((plans, index) => {
          const want = stateOf(plans);
          if (restarts[index] === true) [have, draining] = [observe(kernel), new Map()];
          const difference = diffStates(have, want, draining, index);
          kernel.run(renderChanges(difference.changes, 4));
          [have, draining] = [want, difference.draining];
          expect(contentOf(observe(kernel))).toEqual(contentOf(want));
          expect(namesOf(draining)).toEqual(drainingIn(observe(kernel)));
        });
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  it('is empty from a state to itself, also when the state is read from the kernel', () => {
    fc.assert(
      fc.property(services, (plans) => {
        const kernel = createKernel();
        kernel.run(renderChanges(diffStates(EMPTY, stateOf(plans), new Map(), 0).changes, 4));
        expect(diffStates(observe(kernel), stateOf(plans), new Map(), 0)).toEqual({ changes: [], draining: new Map() });
      }),
    );
  });

  it('drains a real server, takes it back, and deletes it at once for UDP', () => {
    const [one, two] = [endpoint('203.0.113.11'), endpoint('203.0.113.12')];
    const serversOf = (text: readonly ServicePortPlan[]): IpvsState => ({ ...EMPTY, servers: stateOf(text).servers });
    const both = serversOf([port([one, two])]);
    const drained = diffStates(both, serversOf([port([two])]), new Map(), 7);
    const edit = { do: 'edit-real', service: '-t 192.0.2.130:80', real: '203.0.113.11:8080' } as const;
    expect(drained.changes.filter((change) => change.do === 'edit-real')).toEqual([{ ...edit, weight: 0 }]);
    expect(drained.draining).toEqual(new Map([['-t 192.0.2.130:80', new Map([['203.0.113.11:8080', 7]])]]));
    const back = diffStates(serversOf([port([two])]), both, drained.draining, 8);
    expect(back.changes.filter((change) => change.do.endsWith('real'))).toEqual([{ ...edit, weight: 1 }]);
    expect(back.draining).toEqual(new Map());

    const udp = { protocol: 'UDP' } as const;
    const gone = diffStates(serversOf([port([one, two], udp)]), serversOf([port([two], udp)]), new Map(), 7);
    expect(gone.changes.filter((change) => change.do.endsWith('real'))).toEqual([
      { do: 'delete-real', service: '-u 192.0.2.130:80', real: '203.0.113.11:8080' },
    ]);
    expect(gone.draining).toEqual(new Map());
  });
});

/** `service real` of all. */
const namesOf = (draining: Draining): readonly string[] =>
  [...draining].flatMap(([service, reals]) => Array.from(reals.keys(), (real) => `${service} ${real}`)).sort();

const drainingIn = ({ servers }: IpvsState): readonly string[] =>
  [...servers.values()]
    .flatMap(({ service, reals }) =>
      [...reals].filter(([, weight]) => weight === 0).map(([real]) => `${service} ${real}`),
    )
    .sort();

describe('draining', () => {
  const listed = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  192.0.2.130:80 rr persistent 300
  -> 203.0.113.11:8080            Masq    0      1          0
  -> 203.0.113.12:8080            Masq    0      0          0
FWM  7 rr
  -> 203.0.113.13:8080            Masq    0      0          0
SCTP 192.0.2.130:80 rr
  -> 203.0.113.11:8080            Masq    0      0          2
TCP  [2001:db8::1]:80 rr
  -> [2001:db8:1::b]:8080         Masq    1      0          0
`;

  it('counts connections', () => {
    expect(parseConnections(listed)).toEqual(
      new Map([
        [
          '-t 192.0.2.130:80',
          new Map([
            ['203.0.113.11:8080', 1],
            ['203.0.113.12:8080', 0],
          ]),
        ],
        ['--sctp-service 192.0.2.130:80', new Map([['203.0.113.11:8080', 2]])],
        ['-t [2001:db8::1]:80', new Map([['[2001:db8:1::b]:8080', 0]])],
      ]),
    );
  });

  it.each([
    { after: 0, deleted: ['203.0.113.12:8080'], left: ['203.0.113.11:8080'] },
    { after: 15 * 60_000 - 1, deleted: ['203.0.113.12:8080'], left: ['203.0.113.11:8080'] },
    { after: 15 * 60_000, deleted: ['203.0.113.11:8080', '203.0.113.12:8080'], left: [] },
  ])('ends without connections, and in any case in 15 minutes: $after ms', ({ after, deleted, left }) => {
    const service = '-t 192.0.2.130:80';
    const since = 1_000;
    const forgotten = '203.0.113.99:8080';
    const reals = ['203.0.113.11:8080', '203.0.113.12:8080', forgotten].map((real) => [real, since] as const);
    const { changes, draining } = planDrain(
      new Map([[service, new Map(reals)]]),
      parseConnections(listed),
      since + after,
    );
    expect(changes).toEqual(deleted.map((real) => ({ do: 'delete-real', service, real })));
    expect([...(draining.get(service)?.keys() ?? [])]).toEqual(left);
  });
});

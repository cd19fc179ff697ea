import { describe, expect, it } from 'vitest';
import { diffStates } from '../../../../proxy/ipvs/diff.ts';
import type { PlanContext } from '../../../../proxy/ipvs/plan.ts';
import { type Inputs, renderChanges } from '../../../../proxy/ipvs/render.ts';
import { renderChains } from '../../../../proxy/ipvs/rules.ts';
import type { ServicePortPlan } from '../../../../proxy/types.ts';
import { CONTEXT, EMPTY, endpoint, planOf, port, SETTINGS, stateOf } from './helpers.ts';

const ONE = endpoint('203.0.113.11');
const TWO = endpoint('203.0.113.12', { isLocal: false });

/** What a port comes to in an empty kernel, without the sets that are created in any case. */
function rendered(plan: ServicePortPlan, context: PlanContext = CONTEXT): Record<keyof Inputs, readonly string[]> {
  const { changes } = diffStates(EMPTY, stateOf([plan], context), new Map(), 0);
  const inputs = renderChanges(changes, context.settings.family);
  const lines = (text: string): readonly string[] => text.split('\n').filter((line) => !/^$|^create/.test(line));
  return {
    ipsetAdd: lines(inputs.ipsetAdd),
    ipvsadm: lines(inputs.ipvsadm),
    ip: lines(inputs.ip).filter((line) => line !== 'link add kube-ipvs0 type dummy'),
    ipsetDelete: lines(inputs.ipsetDelete),
  };
}

interface Row {
  readonly what: string;
  readonly plan: ServicePortPlan;
  readonly context?: PlanContext;
  readonly ipvsadm: readonly string[];
  readonly ipset: readonly string[];
  readonly addresses: readonly string[];
}

const clusterIp = ['-A -t 192.0.2.130:80 -s rr', '-a -t 192.0.2.130:80 -r 203.0.113.11:8080 -m -w 1'];
const clusterSets = ['add KUBE-LOOP-BACK 203.0.113.11,tcp:8080,203.0.113.11', 'add KUBE-CLUSTER-IP 192.0.2.130,tcp:80'];

const rows: readonly Row[] = [
  {
    what: 'a cluster IP; only endpoints that are here can be sent to themselves',
    plan: port([ONE, TWO]),
    ipvsadm: [...clusterIp, '-a -t 192.0.2.130:80 -r 203.0.113.12:8080 -m -w 1'],
    ipset: clusterSets,
    addresses: ['192.0.2.130'],
  },
  {
    what: 'no endpoints: the virtual server refuses',
    plan: port([]),
    ipvsadm: ['-A -t 192.0.2.130:80 -s rr'],
    ipset: ['add KUBE-CLUSTER-IP 192.0.2.130,tcp:80'],
    addresses: ['192.0.2.130'],
  },
  {
    what: 'affinity and the scheduler mh',
    plan: port([], { affinitySeconds: 10_800 }),
    context: { ...CONTEXT, scheduler: 'mh' },
    ipvsadm: ['-A -t 192.0.2.130:80 -s mh -p 10800 -b mh-fallback,mh-port'],
    ipset: ['add KUBE-CLUSTER-IP 192.0.2.130,tcp:80'],
    addresses: ['192.0.2.130'],
  },
  {
    what: 'a node port, not on the loopback',
    plan: port([ONE], { nodePort: 30_080, protocol: 'UDP' }),
    ipvsadm: [
      '-A -u 192.0.2.130:80 -s rr',
      '-a -u 192.0.2.130:80 -r 203.0.113.11:8080 -m -w 1',
      '-A -u 198.51.100.1:30080 -s rr',
      '-a -u 198.51.100.1:30080 -r 203.0.113.11:8080 -m -w 1',
    ],
    ipset: [
      'add KUBE-LOOP-BACK 203.0.113.11,udp:8080,203.0.113.11',
      'add KUBE-CLUSTER-IP 192.0.2.130,udp:80',
      'add KUBE-NODE-PORT-UDP 30080',
    ],
    addresses: ['192.0.2.130'],
  },
  {
    what: 'a node port of SCTP with the policy Local',
    plan: port([], { nodePort: 30_080, protocol: 'SCTP', externalPolicyLocal: true }),
    ipvsadm: ['-A --sctp-service 192.0.2.130:80 -s rr', '-A --sctp-service 198.51.100.1:30080 -s rr'],
    ipset: [
      'add KUBE-CLUSTER-IP 192.0.2.130,sctp:80',
      'add KUBE-NODE-PORT-SCTP-HASH 198.51.100.1,sctp:30080',
      'add KUBE-NODE-PORT-LOCAL-SCTP-HASH 198.51.100.1,sctp:30080',
    ],
    addresses: ['192.0.2.130'],
  },
  {
    what: 'external IPs: one of the node is not put on our link',
    plan: port([], { externalIps: ['192.0.2.140', '198.51.100.7'] }),
    ipvsadm: ['-A -t 192.0.2.130:80 -s rr', '-A -t 192.0.2.140:80 -s rr', '-A -t 198.51.100.7:80 -s rr'],
    ipset: [
      'add KUBE-CLUSTER-IP 192.0.2.130,tcp:80',
      'add KUBE-EXTERNAL-IP 192.0.2.140,tcp:80',
      'add KUBE-EXTERNAL-IP 198.51.100.7,tcp:80',
    ],
    addresses: ['192.0.2.130', '192.0.2.140'],
  },
  {
    what: 'a load balancer with source ranges that hold the node',
    plan: port([], {
      loadBalancerIps: ['192.0.2.141'],
      sourceRanges: ['198.51.100.9/24', '0.0.0.0/0', '203.0.113.9/32'],
    }),
    ipvsadm: ['-A -t 192.0.2.130:80 -s rr', '-A -t 192.0.2.141:80 -s rr'],
    ipset: [
      'add KUBE-CLUSTER-IP 192.0.2.130,tcp:80',
      'add KUBE-LOAD-BALANCER 192.0.2.141,tcp:80',
      'add KUBE-LOAD-BALANCER-FW 192.0.2.141,tcp:80',
      'add KUBE-LOAD-BALANCER-SOURCE-IP 192.0.2.141,tcp:80,192.0.2.141',
      'add KUBE-LOAD-BALANCER-SOURCE-CIDR 192.0.2.141,tcp:80,198.51.100.0/24',
      'add KUBE-LOAD-BALANCER-SOURCE-CIDR 192.0.2.141,tcp:80,0.0.0.0/1',
      'add KUBE-LOAD-BALANCER-SOURCE-CIDR 192.0.2.141,tcp:80,128.0.0.0/1',
      'add KUBE-LOAD-BALANCER-SOURCE-CIDR 192.0.2.141,tcp:80,203.0.113.9',
    ],
    addresses: ['192.0.2.130', '192.0.2.141'],
  },
  {
    what: 'the external policy Local with an endpoint here, and its health check',
    plan: port([ONE, TWO], {
      externalPolicyLocal: true,
      externalIps: ['192.0.2.140'],
      loadBalancerIps: ['192.0.2.141'],
      healthCheckNodePort: 30_999,
    }),
    ipvsadm: [
      ...clusterIp,
      '-a -t 192.0.2.130:80 -r 203.0.113.12:8080 -m -w 1',
      '-A -t 192.0.2.140:80 -s rr',
      '-a -t 192.0.2.140:80 -r 203.0.113.11:8080 -m -w 1',
      '-A -t 192.0.2.141:80 -s rr',
      '-a -t 192.0.2.141:80 -r 203.0.113.11:8080 -m -w 1',
    ],
    ipset: [
      ...clusterSets,
      'add KUBE-EXTERNAL-IP-LOCAL 192.0.2.140,tcp:80',
      'add KUBE-LOAD-BALANCER 192.0.2.141,tcp:80',
      'add KUBE-LOAD-BALANCER-LOCAL 192.0.2.141,tcp:80',
      'add KUBE-HEALTH-CHECK-NODE-PORT 30999',
    ],
    addresses: ['192.0.2.130', '192.0.2.140', '192.0.2.141'],
  },
  {
    what: 'both policies Local without an endpoint here: pods and the node use the others from outside addresses only',
    plan: port([TWO], {
      externalPolicyLocal: true,
      internalPolicyLocal: true,
      externalIps: ['192.0.2.140'],
      nodePort: 30_080,
    }),
    ipvsadm: [
      '-A -t 192.0.2.130:80 -s rr',
      '-A -t 192.0.2.140:80 -s rr',
      '-a -t 192.0.2.140:80 -r 203.0.113.12:8080 -m -w 1',
      '-A -t 198.51.100.1:30080 -s rr',
      '-a -t 198.51.100.1:30080 -r 203.0.113.12:8080 -m -w 1',
    ],
    ipset: [
      'add KUBE-CLUSTER-IP 192.0.2.130,tcp:80',
      'add KUBE-EXTERNAL-IP-LOCAL 192.0.2.140,tcp:80',
      'add KUBE-NODE-PORT-TCP 30080',
      'add KUBE-NODE-PORT-LOCAL-TCP 30080',
      'add KUBE-NO-LOCAL-ENDPOINTS 192.0.2.140,tcp:80',
      'add KUBE-NO-LOCAL-ENDPOINTS 198.51.100.1,tcp:30080',
      'add KUBE-NO-USABLE-ENDPOINTS 192.0.2.130,tcp:80',
    ],
    addresses: ['192.0.2.130', '192.0.2.140'],
  },
];

describe('a port in an empty kernel', () => {
  it.each(rows)('$what', ({ plan, context, ipvsadm, ipset, addresses }) => {
    expect(rendered(plan, context)).toEqual({
      ipvsadm,
      ipsetAdd: [
        ...ipset.filter((line) => !isLast(line)),
        ...addresses.map((address) => `add KUBE-IPVS-IPS ${address}`),
        ...ipset.filter(isLast),
      ],
      ip: addresses.map((address) => `addr add ${address}/32 dev kube-ipvs0`),
      ipsetDelete: [],
    });
  });

  it('has sets of its own and brackets for IPv6', () => {
    const context: PlanContext = {
      ...CONTEXT,
      settings: { ...SETTINGS, family: 6, nodeIps: ['2001:db8::1', '::1', 'fe80::1'] },
    };
    const plan = port([endpoint('2001:db8:1::b')], { family: 6, clusterIp: '2001:db8:9::1', nodePort: 30_080 });
    expect(rendered(plan, context)).toEqual({
      ipvsadm: [
        '-A -t [2001:db8:9::1]:80 -s rr',
        '-a -t [2001:db8:9::1]:80 -r [2001:db8:1::b]:8080 -m -w 1',
        '-A -t [2001:db8::1]:30080 -s rr',
        '-a -t [2001:db8::1]:30080 -r [2001:db8:1::b]:8080 -m -w 1',
      ],
      ipsetAdd: [
        'add KUBE-6-LOOP-BACK 2001:db8:1::b,tcp:8080,2001:db8:1::b',
        'add KUBE-6-CLUSTER-IP 2001:db8:9::1,tcp:80',
        'add KUBE-6-NODE-PORT-TCP 30080',
        'add KUBE-6-IPVS-IPS 2001:db8:9::1',
      ],
      ip: ['addr add 2001:db8:9::1/128 dev kube-ipvs0 nodad'],
      ipsetDelete: [],
    });
  });
});

/** Sets come in the order of their list. */
const isLast = (line: string): boolean => /^add KUBE-NO-(?:LOCAL|USABLE)-ENDPOINTS/.test(line);

describe('the chains', () => {
  const text = (services: readonly ServicePortPlan[], settings = SETTINGS): string =>
    renderChains({ settings, services })
      .map(({ rules }) => rules)
      .join('');

  it('are the same whatever the Services are', () => {
    expect(text(rows.map(({ plan }) => plan))).toBe(text([]));
  });

  it('keep the node from load balancers whose ranges do not hold it', () => {
    const plan = port([], { loadBalancerIps: ['192.0.2.141'], sourceRanges: ['203.0.113.0/24'] });
    const added = text([plan])
      .split('\n')
      .filter((line) => !text([]).includes(line));
    expect(added).toEqual([
      '-A KUBE-IPVS-OUT-FILTER -s 192.0.2.141 -m ipvs --vaddr 192.0.2.141 --vproto tcp --vport 80 -j DROP',
    ]);
  });

  it.each([
    { detector: { mode: 'None' }, rule: '-m set --match-set KUBE-CLUSTER-IP src,dst' },
    {
      detector: { mode: 'BridgeInterface', bridge: 'cbr0' },
      rule: '-m set --match-set KUBE-CLUSTER-IP dst,dst ! -i cbr0',
    },
    {
      detector: { mode: 'InterfaceNamePrefix', prefix: 'v' },
      rule: '-m set --match-set KUBE-CLUSTER-IP dst,dst ! -i v+',
    },
  ] as const)('tell other traffic from that of pods: $detector.mode', ({ detector, rule }) => {
    expect(text([], { ...SETTINGS, localDetector: detector })).toContain(
      `-A KUBE-SERVICES ${rule} -j KUBE-MARK-MASQ\n`,
    );
  });

  it('masquerade all when asked for, by the bit of the settings', () => {
    const rules = text([], { ...SETTINGS, masqueradeAll: true, masqueradeBit: 5 });
    expect(rules).toContain('-A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ\n');
    expect(rules).toContain('-A KUBE-MARK-MASQ -j MARK --or-mark 0x20\n');
  });

  it('match the sets of their family', () => {
    expect(
      renderChains({ ...planOf([]), settings: { ...SETTINGS, family: 6 } })
        .map(({ rules }) => rules)
        .join(''),
    ).not.toMatch(/--match-set KUBE-(?!6-)/);
  });
});

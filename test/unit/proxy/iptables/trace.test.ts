import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createIptablesBackend,
  parseRules,
  RuleSyntaxError,
  trace,
  type TracedPacket,
  type TraceOutcome,
} from '../../../../proxy/iptables/index.ts';
import type { TraceNode } from '../../../../proxy/trace/types.ts';
import type { ProxyPlan, ServicePortPlan } from '../../../../proxy/types.ts';
import { createFakeKernel } from './kernel.ts';
import { endpoint, LOCAL, planOf, port, REMOTE, SETTINGS_6 } from './plans.ts';

const NODE: TraceNode = { localAddresses: ['198.51.100.1', '203.0.113.126', '2001:db8:2::1'] };

async function rulesOf(plan: ProxyPlan) {
  const kernel = createFakeKernel();
  const backend = createIptablesBackend({ exec: kernel.exec, family: plan.settings.family });
  await backend.sync(plan, true, new AbortController().signal);
  return parseRules(kernel.dump());
}

/** `203.0.113.1:8080 50% masqueraded` */
function describeOutcome({
  probability,
  verdict,
  destination,
  port,
  isMasqueraded,
  isTranslated,
}: TraceOutcome): string {
  const share = probability === 1 ? '' : ` ${Math.round(probability * 100)}%`;
  if (verdict !== 'accepted') return `${verdict}${share}`;
  return `${isTranslated ? `${destination}:${port}` : 'as asked'}${share}${isMasqueraded ? ' masqueraded' : ''}`;
}

const senders = {
  pod: { source: '203.0.113.1', from: 'pod', inInterface: 'veth1' },
  otherPod: { source: '203.0.113.2', from: 'pod', inInterface: 'veth2' },
  node: { source: '198.51.100.1', from: 'node' },
  outside: { source: '198.51.100.2', from: 'outside', inInterface: 'eth0' },
  far: { source: '192.0.2.77', from: 'outside', inInterface: 'eth0' },
} as const satisfies Record<string, Pick<TracedPacket, 'source' | 'from' | 'inInterface'>>;

type Row = readonly [from: keyof typeof senders, to: string, expected: readonly string[]];

const outside = {
  nodePort: 30_080,
  loadBalancerIps: ['192.0.2.200'],
  externalIps: ['192.0.2.201'],
} satisfies Partial<ServicePortPlan>;

const CLUSTER = '192.0.2.10:80';
const BALANCER = '192.0.2.200:80';
const EXTERNAL = '192.0.2.201:80';
const NODE_PORT = '198.51.100.1:30080';

const both = (end = ''): string[] => [`203.0.113.1:8080 50%${end}`, `203.0.113.130:8080 50%${end}`];

const cases: readonly (readonly [title: string, services: readonly ServicePortPlan[], rows: readonly Row[]])[] = [
  [
    'the policy Cluster',
    [port([LOCAL, REMOTE], outside)],
    [
      // The endpoint itself is masqueraded when chance sends it back to itself.
      ['pod', CLUSTER, ['203.0.113.1:8080 50% masqueraded', '203.0.113.130:8080 50%']],
      ['otherPod', CLUSTER, both()],
      ['node', CLUSTER, both(' masqueraded')],
      ['outside', CLUSTER, both(' masqueraded')],
      ['otherPod', '192.0.2.10:81', ['as asked']],
      ['outside', NODE_PORT, both(' masqueraded')],
      ['node', NODE_PORT, both(' masqueraded')],
      ['node', '127.0.0.1:30080', ['as asked']],
      ['outside', '198.51.100.9:30080', ['as asked']],
      ['outside', BALANCER, both(' masqueraded')],
      ['outside', EXTERNAL, both(' masqueraded')],
    ],
  ],
  [
    'the external policy Local',
    [port([LOCAL, REMOTE], { ...outside, externalPolicyLocal: true })],
    [
      ['outside', NODE_PORT, ['203.0.113.1:8080']],
      ['outside', BALANCER, ['203.0.113.1:8080']],
      ['otherPod', BALANCER, both()],
      ['node', BALANCER, both(' masqueraded')],
      ['otherPod', CLUSTER, both()],
    ],
  ],
  [
    'the external policy Local without local endpoints',
    [port([REMOTE], { ...outside, externalPolicyLocal: true })],
    [
      ['outside', NODE_PORT, ['dropped']],
      ['outside', BALANCER, ['dropped']],
      ['outside', EXTERNAL, ['dropped']],
      ['otherPod', BALANCER, ['203.0.113.130:8080']],
      ['node', NODE_PORT, ['203.0.113.130:8080 masqueraded']],
      ['otherPod', CLUSTER, ['203.0.113.130:8080']],
    ],
  ],
  [
    'the internal policy Local',
    [port([LOCAL, REMOTE], { internalPolicyLocal: true })],
    [
      ['otherPod', CLUSTER, ['203.0.113.1:8080']],
      ['node', CLUSTER, ['203.0.113.1:8080 masqueraded']],
    ],
  ],
  [
    'the internal policy Local without local endpoints',
    [port([REMOTE], { internalPolicyLocal: true, ...outside })],
    [
      ['otherPod', CLUSTER, ['dropped']],
      ['node', CLUSTER, ['dropped']],
      ['outside', NODE_PORT, ['203.0.113.130:8080 masqueraded']],
    ],
  ],
  [
    'no endpoints',
    [port([], outside)],
    [
      ['otherPod', CLUSTER, ['rejected']],
      ['node', CLUSTER, ['rejected']],
      ['outside', NODE_PORT, ['rejected']],
      ['outside', BALANCER, ['rejected']],
      ['outside', EXTERNAL, ['rejected']],
      ['outside', '198.51.100.1:30081', ['as asked']],
    ],
  ],
  [
    'source ranges with the node',
    [port([LOCAL], { ...outside, sourceRanges: ['198.51.100.0/24'] })],
    [
      ['outside', BALANCER, ['203.0.113.1:8080 masqueraded']],
      ['far', BALANCER, ['dropped']],
      ['otherPod', BALANCER, ['dropped']],
      ['node', BALANCER, ['203.0.113.1:8080 masqueraded']],
      ['far', NODE_PORT, ['203.0.113.1:8080 masqueraded']],
      ['far', EXTERNAL, ['203.0.113.1:8080 masqueraded']],
      ['far', CLUSTER, ['203.0.113.1:8080 masqueraded']],
    ],
  ],
];

describe.each(cases)('%s', (_, services, rows) => {
  test.each(rows)('%s -> %s: %j', async (from, to, expected) => {
    const [destination = '', number] = to.split(':');
    const packet = { ...senders[from], destination, port: Number(number), protocol: 'TCP' } as const;
    expect(trace(await rulesOf(planOf(services)), packet, NODE).map(describeOutcome)).toEqual(expected);
  });
});

test('a load balancer address that the node has is open to the node, when the node is in the ranges', async () => {
  const services = [port([REMOTE], { ...outside, sourceRanges: ['198.51.100.0/24'] })];
  const packet = {
    source: '192.0.2.200',
    destination: '192.0.2.200',
    port: 80,
    protocol: 'TCP',
    from: 'node',
  } as const;
  const outcomes = trace(await rulesOf(planOf(services)), packet, NODE);
  expect(outcomes.map(describeOutcome)).toEqual(['203.0.113.130:8080 masqueraded']);
});

test('IPv6 over UDP', async () => {
  const dns = port([endpoint('2001:db8::5', { port: 53 })], {
    family: 6,
    protocol: 'UDP',
    clusterIp: '2001:db8:1::1',
    port: 53,
    nodePort: 30_053,
  });
  const rules = await rulesOf({ settings: SETTINGS_6, services: [dns] });
  const ask = (packet: Omit<TracedPacket, 'port'>, port = 53) =>
    trace(rules, { ...packet, port }, NODE).map(describeOutcome);
  const pod = { source: '2001:db8::9', from: 'pod', inInterface: 'cni0', destination: '2001:db8:1::1' } as const;
  expect(ask({ ...pod, protocol: 'UDP' })).toEqual(['[2001:db8::5]:53'.replace(/[[\]]/g, '')]);
  expect(ask({ ...pod, protocol: 'UDP', inInterface: 'eth0' })).toEqual(['2001:db8::5:53 masqueraded']);
  expect(ask({ ...pod, protocol: 'TCP' })).toEqual(['as asked']);
  const there = { source: '2001:db8:2::9', from: 'outside', inInterface: 'eth0', protocol: 'UDP' } as const;
  expect(ask({ ...there, destination: '2001:db8:2::1' }, 30_053)).toEqual(['2001:db8::5:53 masqueraded']);
  expect(ask({ ...there, destination: '::1' }, 30_053)).toEqual(['as asked']);
});

test('a client that is remembered goes where it went', async () => {
  const rules = await rulesOf(planOf([port([LOCAL, REMOTE], { affinitySeconds: 60 })]));
  const packet = { ...senders.otherPod, destination: '192.0.2.10', port: 80, protocol: 'TCP' } as const;
  const seen = (remembered: readonly string[]) => trace(rules, packet, { ...NODE, remembered }).map(describeOutcome);
  expect(seen([])).toEqual(both());
  expect(seen(['KUBE-SEP-AQFZMIU6Y75QDZUF'])).toEqual(['203.0.113.130:8080']);
});

test.each([
  ['ESTABLISHED', ['as asked']],
  ['INVALID', ['dropped']],
] as const)('a packet that is %s', async (ctState, expected) => {
  const packet = { ...senders.otherPod, destination: '192.0.2.10', port: 80, protocol: 'TCP', ctState } as const;
  expect(trace(await rulesOf(planOf([port([LOCAL])])), packet, NODE).map(describeOutcome)).toEqual(expected);
});

test('localhost is closed to neighbours when node ports answer on it', async () => {
  const plan = planOf([port([LOCAL], { nodePort: 30_080 })], { localhostNodePorts: true });
  const rules = await rulesOf(plan);
  const neighbour = { ...senders.outside, destination: '127.0.0.1', protocol: 'TCP' } as const;
  expect(trace(rules, { ...neighbour, port: 22 }, NODE).map(describeOutcome)).toEqual(['dropped']);
  const own = { source: '127.0.0.1', from: 'node', destination: '127.0.0.1', port: 30_080, protocol: 'TCP' } as const;
  expect(trace(rules, own, NODE).map(describeOutcome)).toEqual(['203.0.113.1:8080 masqueraded']);
});

test('the trail tells what was met', async () => {
  const packet = { ...senders.outside, destination: '198.51.100.1', port: 30_080, protocol: 'TCP' } as const;
  const rules = await rulesOf(planOf([port([LOCAL, REMOTE], outside)]));
  expect(trace(rules, packet, NODE)[0]?.trail).toMatchInlineSnapshot(`
    [
      "nat PREROUTING "kubernetes service portals": goes to KUBE-SERVICES",
      "nat KUBE-SERVICES "kubernetes service nodeports; NOTE: this must be the last rule in this chain": goes to KUBE-NODEPORTS",
      "nat KUBE-NODEPORTS "lab/web:http": goes to KUBE-EXT-NAVV37HDGJLPWY47",
      "nat KUBE-EXT-NAVV37HDGJLPWY47 "masquerade traffic for lab/web:http external destinations": goes to KUBE-MARK-MASQ",
      "nat KUBE-MARK-MASQ: marked",
      "nat KUBE-EXT-NAVV37HDGJLPWY47: goes to KUBE-SVC-NAVV37HDGJLPWY47",
      "nat KUBE-SVC-NAVV37HDGJLPWY47 "lab/web:http -> 203.0.113.1:8080": goes to KUBE-SEP-CFT5GXEQAHPBQIFM, by chance (50 % of those that come here)",
      "nat KUBE-SEP-CFT5GXEQAHPBQIFM "lab/web:http": translated to 203.0.113.1:8080",
      "filter FORWARD "kubernetes load balancer firewall": goes to KUBE-PROXY-FIREWALL",
      "filter FORWARD "kubernetes forwarding rules": goes to KUBE-FORWARD",
      "filter KUBE-FORWARD "kubernetes forwarding rules": accepted",
      "nat POSTROUTING "kubernetes postrouting rules": goes to KUBE-POSTROUTING",
      "nat KUBE-POSTROUTING: marked",
      "nat KUBE-POSTROUTING "kubernetes service traffic requiring SNAT": masqueraded",
    ]
  `);
});

describe('rules of others', () => {
  const packet = { ...senders.outside, destination: '198.51.100.2', port: 80, protocol: 'TCP' } as const;
  const outcomeOf = (text: string) => {
    const [outcome] = trace(parseRules(text), packet, NODE);
    return [outcome && describeOutcome(outcome), outcome?.trail];
  };

  test.each([
    ['a policy', '*filter\n:FORWARD DROP [0:0]\nCOMMIT', 'dropped', ['filter FORWARD: policy DROP']],
    ['counters', '*filter\n[3:180] -A FORWARD -j DROP\nCOMMIT', 'dropped', ['filter FORWARD: dropped']],
    [
      'a range of ports',
      '*filter\n-A FORWARD -p tcp -m tcp --dport 1:90 -j DROP\nCOMMIT',
      'dropped',
      ['filter FORWARD: dropped'],
    ],
    [
      'what is not understood',
      '*filter\n-A FORWARD -m set --match-set blocked src -j DROP\nCOMMIT',
      'as asked',
      ['filter FORWARD: not understood and passed over: FORWARD -m set --match-set blocked src -j DROP'],
    ],
    [
      'what is not understood and is for another port',
      '*filter\n-A FORWARD -p tcp -m set --match-set blocked src -m tcp --dport 81 -j DROP\nCOMMIT',
      'as asked',
      [],
    ],
    [
      'a goto, which returns to the caller of its chain',
      '*filter\n:A - [0:0]\n:B - [0:0]\n-A FORWARD -j A\n-A A -g B\n-A A -j DROP\nCOMMIT',
      'as asked',
      ['filter FORWARD: goes to A', 'filter A: goes to B'],
    ],
    [
      'a return',
      '*filter\n:A - [0:0]\n-A FORWARD -j A\n-A FORWARD -j REJECT --reject-with icmp-port-unreachable\n-A A -j RETURN\n-A A -j DROP\nCOMMIT',
      'rejected',
      ['filter FORWARD: goes to A', 'filter A: returns', 'filter FORWARD: rejected'],
    ],
    [
      'a mark',
      '*filter\n-A FORWARD -j MARK --set-xmark 0x3/0x3\n-A FORWARD -m mark --mark 0x1/0x1 -j DROP\nCOMMIT',
      'dropped',
      ['filter FORWARD: marked', 'filter FORWARD: dropped'],
    ],
  ])('%s', (_, text, expected, trail) => {
    expect(outcomeOf(text)).toEqual([expected, trail]);
  });

  test('chains in a circle end', () => {
    expect(outcomeOf('*filter\n:A - [0:0]\n-A FORWARD -j A\n-A A -j A\nCOMMIT')[0]).toBe('as asked');
  });
});

test('what is no rule is refused with its line', () => {
  expect(() => parseRules('*nat\nnonsense')).toThrow(
    new RuleSyntaxError('line 2 of the rules is no table, chain or rule: "nonsense"'),
  );
});

test('reading never throws anything else', () => {
  const words = fc.constantFrom(
    '*nat',
    '-A',
    'X',
    ':X',
    '!',
    '"',
    '-j',
    '--mark',
    'zz',
    '\n',
    '[0:0]',
    'FORWARD',
    '--dport',
    '-s',
    '/',
  );
  fc.assert(
    fc.property(fc.array(words, { maxLength: 30 }), (parts) => {
      try {
        parseRules(parts.join(' '));
      } catch (error) {
        expect(error).toBeInstanceOf(RuleSyntaxError);
      }
    }),
  );
});

test('the outcomes make 1', async () => {
  const rules = await rulesOf(planOf([port([1, 2, 3, 4, 5].map((host) => endpoint(`203.0.113.${host}`)))]));
  const packet = { ...senders.far, destination: '192.0.2.10', port: 80, protocol: 'TCP' } as const;
  const shares = trace(rules, packet, NODE).map(({ probability }) => probability);
  expect(shares).toHaveLength(5);
  for (const share of shares) expect(share).toBeCloseTo(0.2, 8);
});

import { describe, expect, test } from 'vitest';
import { tableOfPlan, traceNftables } from '../../../../proxy/nftables/index.ts';
import type { Packet, Trace } from '../../../../proxy/trace/types.ts';
import type { ProxySettings } from '../../../../proxy/types.ts';
import { endpoint, planOf, service, type ServiceSketch, settings } from './plans.ts';

const local = endpoint('203.0.113.1:8080', true);
const far = endpoint('203.0.113.2:8080');
const input = { serviceCidrs: ['192.0.2.128/25'], marker: 'test' };

const sources: Readonly<Record<string, Pick<Packet, 'src' | 'sourceKind' | 'inInterface'>>> = {
  pod: { src: '203.0.113.9', sourceKind: 'pod', inInterface: 'cni0' },
  itself: { src: '203.0.113.1', sourceKind: 'pod', inInterface: 'cni0' },
  node: { src: '198.51.100.1', sourceKind: 'node' },
  outside: { src: '198.51.100.2', sourceKind: 'external', inInterface: 'up0' },
  stranger: { src: '192.0.2.99', sourceKind: 'external', inInterface: 'up0' },
};

function trace(sketch: ServiceSketch, from: string, to: string, changed: Partial<ProxySettings> = {}): Trace {
  const table = tableOfPlan(planOf([service('web', sketch)], { ...settings, ...changed }), input);
  const [dst = '', port = ''] = to.split(':');
  const packet: Packet = { ...sources[from]!, dst, port: Number(port), protocol: sketch.protocol ?? 'TCP' };
  return traceNftables(table, packet, { localAddresses: ['198.51.100.1'] });
}

/** `drop`, or `local far, masqueraded`. */
function brief({ verdict, endpoints }: Trace): string {
  if (verdict !== 'dnat') return verdict;
  const names = endpoints.map(({ ip }) => (ip === local.ip ? 'local' : 'far')).join(' ');
  return endpoints.every(({ masquerade }) => masquerade) ? `${names}, masqueraded` : names;
}

const clusterIp = '192.0.2.129:80';
const nodePort = '198.51.100.1:30080';
const externalIp = '192.0.2.20:80';
const lbIp = '192.0.2.10:80';
const both: ServiceSketch = {
  endpoints: [local, far],
  nodePort: 30_080,
  externalIps: ['192.0.2.20'],
  loadBalancerIps: ['192.0.2.10'],
};
const externalLocal: ServiceSketch = { ...both, externalPolicyLocal: true };
const externalFar: ServiceSketch = { ...externalLocal, endpoints: [far] };
const internalLocal: ServiceSketch = { ...both, internalPolicyLocal: true };
const internalFar: ServiceSketch = { ...internalLocal, endpoints: [far] };
const nowhere: ServiceSketch = { ...both, endpoints: [] };
const ranged: ServiceSketch = { ...both, sourceRanges: ['198.51.100.0/24'] };

type Row = readonly [
  sketch: ServiceSketch,
  from: string,
  to: string,
  expected: string,
  changed?: Partial<ProxySettings>,
];

const tables: Readonly<Record<string, readonly Row[]>> = {
  'policy Cluster': [
    [both, 'pod', clusterIp, 'local far'],
    [both, 'node', clusterIp, 'local far, masqueraded'],
    [both, 'outside', clusterIp, 'local far, masqueraded'],
    [both, 'pod', clusterIp, 'local far, masqueraded', { masqueradeAll: true }],
    [both, 'outside', clusterIp, 'local far', { localDetector: { mode: 'None' } }],
    [both, 'pod', clusterIp, 'local far', { localDetector: { mode: 'BridgeInterface', bridge: 'cni0' } }],
    [both, 'node', clusterIp, 'local far, masqueraded', { localDetector: { mode: 'BridgeInterface', bridge: 'cni0' } }],
    [
      both,
      'outside',
      clusterIp,
      'local far, masqueraded',
      { localDetector: { mode: 'InterfaceNamePrefix', prefix: 'cn' } },
    ],
    ...['pod', 'node', 'outside'].flatMap((from) =>
      [nodePort, externalIp, lbIp].map((to): Row => [both, from, to, 'local far, masqueraded']),
    ),
    [{ ...both, endpoints: [local] }, 'itself', clusterIp, 'local, masqueraded'],
  ],
  'external policy Local': [
    [externalLocal, 'pod', clusterIp, 'local far'],
    ...[nodePort, externalIp, lbIp].flatMap((to): Row[] => [
      [externalLocal, 'outside', to, 'local'],
      [externalLocal, 'pod', to, 'local far'],
      [externalLocal, 'node', to, 'local far, masqueraded'],
      [externalFar, 'outside', to, 'drop'],
      [externalFar, 'pod', to, 'far'],
      [externalFar, 'node', to, 'far, masqueraded'],
    ]),
  ],
  'internal policy Local': [
    [internalLocal, 'pod', clusterIp, 'local'],
    [internalLocal, 'node', clusterIp, 'local, masqueraded'],
    [internalLocal, 'outside', nodePort, 'local far, masqueraded'],
    [internalFar, 'pod', clusterIp, 'drop'],
    [internalFar, 'node', clusterIp, 'drop'],
    [internalFar, 'outside', nodePort, 'far, masqueraded'],
  ],
  'no endpoints': ['pod', 'node', 'outside'].flatMap((from) =>
    [clusterIp, nodePort, externalIp, lbIp].map((to): Row => [nowhere, from, to, 'reject']),
  ),
  'source ranges': [
    [ranged, 'outside', lbIp, 'local far, masqueraded'],
    [ranged, 'stranger', lbIp, 'drop'],
    [ranged, 'pod', lbIp, 'drop'],
    [ranged, 'node', lbIp, 'local far, masqueraded'],
    [ranged, 'stranger', nodePort, 'local far, masqueraded'],
    [ranged, 'stranger', externalIp, 'local far, masqueraded'],
  ],
  'what is no Service': [
    [both, 'pod', '192.0.2.129:81', 'reject'],
    [both, 'node', '192.0.2.129:81', 'reject'],
    [both, 'pod', '192.0.2.200:80', 'drop'],
    [both, 'node', '192.0.2.200:80', 'drop'],
    [both, 'outside', '198.51.100.1:22', 'accept'],
    [both, 'pod', '203.0.113.2:8080', 'accept'],
    [both, 'node', '127.0.0.1:30080', 'accept'],
  ],
  'node ports on some addresses': [
    [both, 'outside', nodePort, 'local far, masqueraded', { nodePortCidrs: ['198.51.100.0/24'] }],
    [both, 'outside', nodePort, 'accept', { nodePortCidrs: ['192.0.2.0/24'], nodeIps: [] }],
    [nowhere, 'outside', nodePort, 'accept', { nodePortCidrs: ['192.0.2.0/24'], nodeIps: [] }],
    [both, 'node', '127.0.0.1:30080', 'accept', { nodePortCidrs: ['127.0.0.0/8'], nodeIps: ['127.0.0.1'] }],
  ],
};

describe.each(Object.entries(tables))('%s', (_, rows) => {
  test.each(
    rows.map(([sketch, from, to, expected, changed]) => ({ sketch, from, to, expected, changed: changed ?? {} })),
  )('from $from to $to $changed: $expected', ({ sketch, from, to, expected, changed }) => {
    expect(brief(trace(sketch, from, to, changed))).toBe(expected);
  });
});

test('each endpoint has the same probability, chosen by rules or by a map', () => {
  for (const count of [1, 2, 5, 16, 17, 40]) {
    const endpoints = Array.from({ length: count }, (_, index) => endpoint(`203.0.113.${index + 1}:8080`));
    const found = trace({ endpoints }, 'pod', clusterIp).endpoints;
    expect(found.map(({ ip }) => ip).sort()).toEqual(endpoints.map(({ ip }) => ip).sort());
    for (const { probability } of found) expect(probability).toBeCloseTo(1 / count, 10);
  }
});

test('a client that is remembered goes where it went before', () => {
  const plan = planOf([service('web', { endpoints: [local, far], affinitySeconds: 60 })]);
  const table = tableOfPlan(plan, input);
  const packet: Packet = { src: '203.0.113.9', dst: '192.0.2.129', port: 80, protocol: 'TCP', sourceKind: 'pod' };
  const remembered = table.affinitySets.filter(({ name }) => name.includes(far.ip)).map(({ name }) => name);
  expect(remembered).toHaveLength(1);
  const { endpoints, steps } = traceNftables(table, packet, { localAddresses: [], remembered });
  expect(endpoints).toEqual([{ ip: far.ip, port: 8080, probability: 1, masquerade: false }]);
  expect(steps.at(-2)).toMatch(/: 203\.0\.113\.9 stays with this endpoint$/);
});

test('the steps are words for people', () => {
  expect(trace({ ...both, endpoints: [far] }, 'outside', nodePort).steps).toEqual([
    'services, tcp . 30080 in service-nodeports: on to external-URTH2HAX-lab/web/tcp/http',
    'external-URTH2HAX-lab/web/tcp/http: marked for masquerading',
    'external-URTH2HAX-lab/web/tcp/http: on to service-URTH2HAX-lab/web/tcp/http',
    'service-URTH2HAX-lab/web/tcp/http: on to endpoint-6GGXCLVC-lab/web/tcp/http__203.0.113.2/8080',
    'endpoint-6GGXCLVC-lab/web/tcp/http__203.0.113.2/8080: sent to 203.0.113.2:8080',
    'masquerading: masqueraded as the node',
  ]);
  expect(trace(externalFar, 'outside', lbIp).steps).toEqual([
    'services, 192.0.2.10 . tcp . 80 in service-ips: on to external-URTH2HAX-lab/web/tcp/http',
    'service-endpoints-check, 192.0.2.10 . tcp . 80 in no-endpoint-services: dropped',
  ]);
});

import { describe, expect, test } from 'vitest';
import { planServices, type ProxyPlans } from '../../../../proxy/services/index.ts';
import type { ServiceInput, ServiceSpec, SliceInput } from '../../../../proxy/services/input.ts';
import { formatServicePortName, type ServicePortPlan } from '../../../../proxy/types.ts';
import { endpoint, LABELS, NODE, service, SETTINGS, slice, WEB } from './helpers.ts';

function plan(services: readonly ServiceInput[], slices: readonly SliceInput[] = []): ProxyPlans {
  return planServices({ services, slices, nodeName: NODE, nodeLabels: LABELS, settings: SETTINGS });
}

describe('a Service', () => {
  test.each<[string, ServiceInput, Partial<ServicePortPlan>]>([
    ['of the cluster', service(), {}],
    [
      'that clients stay with',
      service({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } }),
      { affinitySeconds: 60 },
    ],
    [
      'that clients stay with for the time that is the default',
      service({ sessionAffinity: 'ClientIP' }),
      { affinitySeconds: 10_800 },
    ],
    [
      'at external addresses, those of its family once each',
      service({
        externalIPs: ['198.51.100.1', '2001:db8::1', '198.51.100.1', 'none'],
        externalTrafficPolicy: 'Local',
        type: 'ClusterIP',
      }),
      { externalIps: ['198.51.100.1'], externalPolicyLocal: true },
    ],
    [
      'of a policy for traffic from outside, which nothing outside reaches',
      service({ externalTrafficPolicy: 'Local', type: 'ClusterIP' }),
      {},
    ],
    ['for pods of the node only', service({ internalTrafficPolicy: 'Local' }), { internalPolicyLocal: true }],
    [
      'of a node port',
      service({ type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }], healthCheckNodePort: 30_999 }),
      { nodePort: 30_080 },
    ],
    [
      'of a node port for endpoints of the node, without a port for health',
      service({ type: 'NodePort', externalTrafficPolicy: 'Local', healthCheckNodePort: 30_999 }),
      { externalPolicyLocal: true },
    ],
    [
      'of a load balancer',
      service(
        {
          type: 'LoadBalancer',
          loadBalancerSourceRanges: [' 203.0.113.7/24 ', '2001:db8::/32', '203.0.113.0/24', 'all'],
          externalTrafficPolicy: 'Local',
          healthCheckNodePort: 30_999,
        },
        {
          status: {
            loadBalancer: {
              ingress: [
                { ip: '198.51.100.7' },
                { ip: '198.51.100.8', ipMode: 'Proxy' },
                { ip: '198.51.100.9', ipMode: 'VIP' },
                { ip: '2001:db8::7' },
                {},
              ],
            },
          },
        },
      ),
      {
        loadBalancerIps: ['198.51.100.7', '198.51.100.9'],
        sourceRanges: ['203.0.113.0/24'],
        externalPolicyLocal: true,
        healthCheckNodePort: 30_999,
      },
    ],
  ])('%s', (_what, given, expected) => {
    expect(plan([given])).toEqual({
      4: { settings: SETTINGS[4], services: [{ ...WEB, ...expected }] },
      6: { settings: SETTINGS[6], services: [] },
    });
  });

  const dual: ServiceSpec = {
    clusterIP: '2001:db8:0::A',
    clusterIPs: ['2001:db8:0::A', '192.0.2.10'],
    externalIPs: ['2001:DB8::1', '198.51.100.1'],
    loadBalancerSourceRanges: ['2001:db8:1::1/48'],
  };
  test('of both families has a plan in each', () => {
    const plans = plan([service(dual)]);
    expect([plans[4].services, plans[6].services]).toEqual([
      [{ ...WEB, externalIps: ['198.51.100.1'] }],
      [
        {
          ...WEB,
          family: 6,
          clusterIp: '2001:db8::a',
          externalIps: ['2001:db8::1'],
          sourceRanges: ['2001:db8:1::/48'],
        },
      ],
    ]);
  });

  test.each<[string, ServiceInput]>([
    ['without an address yet', service({ clusterIP: '' })],
    ['that is headless', service({ clusterIP: 'None', clusterIPs: ['None'] })],
    ['that is a name', service({ type: 'ExternalName' })],
    [
      'of another proxy',
      service(
        {},
        { metadata: { namespace: 'lab', name: 'web', labels: { 'service.kubernetes.io/service-proxy-name': 'x' } } },
      ),
    ],
    [
      'that is labelled as headless',
      service({}, { metadata: { namespace: 'lab', name: 'web', labels: { 'service.kubernetes.io/headless': '' } } }),
    ],
    ['of a protocol that nobody knows', service({ ports: [{ port: 80, protocol: 'HTTP' }] })],
  ])('%s has none', (_what, given) => {
    const plans = plan([given]);
    expect([...plans[4].services, ...plans[6].services]).toEqual([]);
  });

  test('has a plan a port, in its order, and Services are sorted', () => {
    const ports = [
      { name: 'udp', port: 53, protocol: 'UDP' },
      { name: 'sctp', port: 53, protocol: 'SCTP' },
      { name: 'a', port: 53 },
    ];
    const other = service({}, { metadata: { namespace: 'a', name: 'web' } });
    const plans = plan([service({ ports }), other])[4].services;
    expect(plans.map(({ name, protocol }) => `${formatServicePortName(name)} ${protocol}`)).toEqual([
      'a/web TCP',
      'lab/web:udp UDP',
      'lab/web:sctp SCTP',
      'lab/web:a TCP',
    ]);
  });
});

describe('endpoints of a Service', () => {
  const endpoints = (given: readonly SliceInput[], spec: ServiceSpec = {}): readonly unknown[] =>
    plan([service(spec)], given)[4].services.map(({ allEndpoints }) => allEndpoints);

  test('are those of its slices by port and protocol, sorted', () => {
    const given = [
      slice([{ addresses: ['198.51.100.2', '198.51.100.3'] }, { addresses: ['198.51.100.1'], nodeName: NODE }], {
        ports: [
          { name: 'http', port: 8080 },
          { name: 'dns', port: 53 },
          { name: 'dns', port: 5353, protocol: 'UDP' },
          { name: 'dns', protocol: 'UDP' },
          { port: 1 },
        ],
      }),
    ];
    const ports = [
      { name: 'http', port: 80 },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ];
    const of = (port: number): readonly unknown[] => [
      endpoint('198.51.100.1', { isLocal: true, port }),
      endpoint('198.51.100.2', { port }),
    ];
    expect(endpoints(given, { ports })).toEqual([of(8080), of(5353)]);
  });

  test('of a port without a name are those of a slice without a name', () => {
    expect(endpoints([slice([{ addresses: ['198.51.100.1'] }], { ports: [{ port: 8080 }] })])).toEqual([
      [endpoint('198.51.100.1')],
    ]);
  });

  test('are not those of other families, Services, namespaces and proxies, nor what is no address', () => {
    const own = { namespace: 'lab', name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } };
    const addresses = ['198.51.100.1'];
    expect(
      endpoints([
        slice([{ addresses: ['2001:db8::1'] }, { addresses: ['host'] }, { addresses: [] }]),
        slice([{ addresses }], { addressType: 'FQDN', metadata: { ...own, name: 'a' } }),
        slice([{ addresses }], { metadata: { ...own, namespace: 'other' } }),
        slice([{ addresses }], { metadata: { namespace: 'lab', name: 'web' } }),
        slice([{ addresses }], {
          metadata: { ...own, name: 'b', labels: { ...own.labels, 'service.kubernetes.io/headless': '' } },
        }),
      ]),
    ).toEqual([[]]);
  });

  test('of several slices are there once: the local one, or else the one that serves more', () => {
    const own = { namespace: 'lab', labels: { 'kubernetes.io/service-name': 'web' } };
    const [here, there] = [['198.51.100.1'], ['198.51.100.2']];
    const unready = { ready: false, serving: false };
    const lists = [
      [
        { addresses: here, nodeName: NODE },
        { addresses: there, conditions: unready },
      ],
      [{ addresses: here }, { addresses: there }],
    ];
    const slices = lists.map((list, index) => slice(list, { metadata: { ...own, name: `web-${index}` } }));
    const expected = [[endpoint('198.51.100.1', { isLocal: true }), endpoint('198.51.100.2')]];
    expect([endpoints(slices), endpoints(slices.toReversed())]).toEqual([expected, expected]);
  });
});

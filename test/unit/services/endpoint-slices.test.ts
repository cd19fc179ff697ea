import { describe, expect, test } from 'vitest';
import type { Endpoints, EndpointSlice } from '../../../agent/objects/types.ts';
import { endpointSlicesOf, mirrorEndpoints, standaloneSlices } from '../../../agent/services/index.ts';
import type { ServicePod, ServiceSpec } from '../../../agent/services/types.ts';
import { planServices } from '../../../proxy/services/index.ts';
import type { ProxySettings } from '../../../proxy/types.ts';
import { pod, service } from './helpers.ts';

const SELECTOR = { selector: { app: 'web' } };
const NODE = 'node-a';

function slices(spec: ServiceSpec, pods: readonly ServicePod[]): readonly EndpointSlice[] {
  return endpointSlicesOf(service({ clusterIP: '192.0.2.1', ...SELECTOR, ...spec }), pods, NODE);
}

/** `type address:ports conditions` of each endpoint. */
function summary(given: readonly EndpointSlice[]): readonly string[] {
  return given.flatMap(({ addressType, endpoints, ports = [] }) =>
    endpoints.map(({ addresses, conditions: { ready = true, serving, terminating } = {} }) =>
      [
        `${addressType} ${addresses.join(',')}:${ports.map(({ name = '', port = 0, protocol }) => `${name}/${port}/${protocol}`).join(',')}`,
        ...(ready ? ['ready'] : []),
        ...(serving === true ? ['serving'] : []),
        ...(terminating === true ? ['terminating'] : []),
      ].join(' '),
    ),
  );
}

test('a slice is whole', () => {
  const own = service({ clusterIP: '192.0.2.1', ...SELECTOR }, 'web', { team: 'a' });
  const [slice] = endpointSlicesOf(own, [pod('a', { hostname: 'h', subdomain: 'web' })], NODE);
  expect(slice).toEqual({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace: 'lab',
      name: expect.stringMatching(/^web-ipv4-[0-9a-f]{8}$/) as string,
      uid: expect.stringMatching(/^uid-web-ipv4-/) as string,
      labels: {
        team: 'a',
        'kubernetes.io/service-name': 'web',
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.podwright',
      },
      annotations: {},
    },
    addressType: 'IPv4',
    endpoints: [
      {
        addresses: ['198.51.100.1'],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: NODE,
        hostname: 'h',
        targetRef: { kind: 'Pod', namespace: 'lab', name: 'a', uid: 'uid-a' },
      },
    ],
    ports: [{ name: '', port: 80, protocol: 'TCP' }],
  });
});

describe('slices of pods', () => {
  const http = { name: 'http', containerPort: 8080 };
  const named: ServiceSpec = { ports: [{ port: 80, protocol: 'TCP', targetPort: 'http' }] };
  test.each<[string, ServiceSpec, readonly ServicePod[], readonly string[]]>([
    [
      'have the pods that the selector names',
      {},
      [pod('b'), pod('other', { labels: { app: 'db' } }), pod('far', { namespace: 'else' })],
      ['IPv4 198.51.100.1:/80/TCP ready serving'],
    ],
    [
      'have no pods that are over or without an address',
      {},
      [pod('a', { phase: 'Succeeded' }), pod('b', { phase: 'Failed' }), pod('c', { podIps: [] })],
      [],
    ],
    [
      'say what pods can do',
      {},
      [pod('a', { ready: false }), pod('b', { terminating: true }), pod('c', { ready: false, terminating: true })],
      [
        'IPv4 198.51.100.1:/80/TCP',
        'IPv4 198.51.100.1:/80/TCP serving terminating',
        'IPv4 198.51.100.1:/80/TCP terminating',
      ],
    ],
    [
      'call pods ready whatever they are, when the Service does',
      { publishNotReadyAddresses: true },
      [pod('a', { ready: false, terminating: true })],
      ['IPv4 198.51.100.1:/80/TCP ready terminating'],
    ],
    [
      'are one for each set of ports, without the ports that a pod has not',
      named,
      [
        pod('a', { ports: [http] }),
        pod('b', { ports: [{ ...http, containerPort: 9090 }] }),
        pod('c', { ports: [{ ...http, protocol: 'UDP' }] }),
      ],
      [
        'IPv4 198.51.100.1:/8080/TCP ready serving',
        'IPv4 198.51.100.1:/9090/TCP ready serving',
        'IPv4 198.51.100.1: ready serving',
      ],
    ],
    [
      'are of the families of the Service',
      { clusterIP: '192.0.2.1', clusterIPs: ['192.0.2.1', '2001:db8::1'] },
      [pod('a', { podIps: ['198.51.100.1', '2001:db8:1::1'] })],
      ['IPv4 198.51.100.1:/80/TCP ready serving', 'IPv6 2001:db8:1::1:/80/TCP ready serving'],
    ],
    [
      'are of the families that a headless Service asks for',
      { clusterIP: 'None', ipFamilies: ['IPv6'] },
      [pod('a', { podIps: ['198.51.100.1', '2001:db8:1::1'] })],
      ['IPv6 2001:db8:1::1:/80/TCP ready serving'],
    ],
    ['are none without a selector', { selector: {} }, [pod('a')], []],
    ['are none of a name elsewhere', { type: 'ExternalName' }, [pod('a')], []],
  ])('%s', (_what, spec, pods, expected) => expect(summary(slices(spec, pods))).toEqual(expected));

  test('do not depend on the order of pods', () => {
    const pods = [pod('a'), pod('b', { podIps: ['198.51.100.2'] })];
    expect(slices({}, pods.toReversed())).toEqual(slices({}, pods));
  });
});

describe('Endpoints', () => {
  const endpoints: Endpoints = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { namespace: 'lab', name: 'web', uid: 'e', labels: {}, annotations: {} },
    subsets: [
      {
        addresses: [{ ip: '198.51.100.7', nodeName: NODE }, { ip: '2001:db8::7' }],
        notReadyAddresses: [{ ip: '198.51.100.8' }],
        ports: [{ name: 'a', port: 81, protocol: 'TCP' }],
      },
      { addresses: [{ ip: '198.51.100.9' }], ports: [{ name: 'b', port: 82, protocol: 'UDP' }] },
    ],
  };

  test('are mirrored by subset and family', () => {
    expect(summary(mirrorEndpoints(service(), endpoints))).toEqual([
      'IPv4 198.51.100.7:a/81/TCP ready',
      'IPv4 198.51.100.8:a/81/TCP',
      'IPv6 2001:db8::7:a/81/TCP ready',
      'IPv4 198.51.100.9:b/82/UDP ready',
    ]);
  });

  test('are not mirrored beside a selector, nor when they forbid it', () => {
    const labels = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
    const silent = { ...endpoints, metadata: { ...endpoints.metadata, labels } };
    expect([mirrorEndpoints(service(SELECTOR), endpoints), mirrorEndpoints(service(), silent)]).toEqual([[], []]);
  });

  test('and pods and slices of manifests together are what the proxy plans from', () => {
    const pods = service({ clusterIP: '192.0.2.1', ...SELECTOR }, 'pods');
    const none = service({ clusterIP: '192.0.2.2', ports: [{ name: 'a', port: 80, protocol: 'TCP' }] });
    const written = endpointSlicesOf(pods, [pod('x', { podIps: ['198.51.100.99'] })], 'node-b').map((slice) => ({
      ...slice,
      metadata: { ...slice.metadata, name: 'written' },
    }));
    const services = [pods, none];
    const all = standaloneSlices({
      services,
      pods: [pod('a')],
      endpoints: [endpoints],
      slices: written,
      nodeName: NODE,
    });
    const settings = (family: 4 | 6): ProxySettings => ({
      family,
      localDetector: { mode: 'None' },
      masqueradeAll: false,
      masqueradeBit: 14,
      nodePortCidrs: undefined,
      nodeIps: [],
      localhostNodePorts: false,
    });
    const plans = planServices({
      services,
      slices: all,
      nodeName: NODE,
      nodeLabels: {},
      settings: { 4: settings(4), 6: settings(6) },
    });
    const reached = plans[4].services.map(({ name, allEndpoints }) => [
      name.name,
      ...allEndpoints.map(({ ip, port, isLocal }) => `${ip}:${port}${isLocal ? ' here' : ''}`),
    ]);
    expect(reached).toEqual([
      ['pods', '198.51.100.1:80 here', '198.51.100.99:80'],
      ['web', '198.51.100.7:81 here'],
    ]);
  });
});

test.each([
  ['PreferSameNode', 'zone-1', { forNodes: [{ name: NODE }], forZones: [{ name: 'zone-1' }] }],
  ['PreferSameNode', undefined, { forNodes: [{ name: NODE }] }],
  ['PreferSameZone', 'zone-1', { forZones: [{ name: 'zone-1' }] }],
  ['PreferClose', 'zone-1', { forZones: [{ name: 'zone-1' }] }],
  ['PreferClose', undefined, undefined],
  [undefined, 'zone-1', undefined],
])('trafficDistribution %s gives hints by the node and its zone %s', (trafficDistribution, zone, hints) => {
  const spec = {
    clusterIP: '192.0.2.1',
    ...SELECTOR,
    ...(trafficDistribution === undefined ? {} : { trafficDistribution }),
  };
  const [slice] = endpointSlicesOf(service(spec), [pod('a')], NODE, zone);
  expect(slice?.endpoints.map((one) => [one.zone, one.hints])).toEqual([[zone, hints]]);
});

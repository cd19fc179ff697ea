import { describe, expect, it } from 'vitest';
import type { ApiObject } from '../../../agent/api/types.ts';
import { proxyNodeFacts } from '../../../agent/services/api-node.ts';
import {
  serviceFromApi,
  sliceFromApi,
  sliceFromBeta,
  slicesFromEndpoints,
} from '../../../agent/services/api-object.ts';

const metadata = { name: 'web', namespace: 'lab', uid: 'u1', resourceVersion: '7' };
const filled = { ...metadata, labels: {}, annotations: {} };

describe('objects of an API server', () => {
  it('a Service keeps fields of a newer server, and loses who owns which field', () => {
    const object = { metadata: { ...metadata, managedFields: [{}] }, spec: { newer: 1 }, status: {} };
    expect(serviceFromApi(object)).toEqual({
      ...{ apiVersion: 'v1', kind: 'Service', metadata: filled },
      ...{ spec: { newer: 1 }, status: {} },
    });
  });

  it('a slice of no endpoints, which Go writes as null', () => {
    const object = { metadata, addressType: 'IPv4', endpoints: null, ports: null };
    const head = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: filled };
    expect(sliceFromApi(object)).toEqual({ ...head, addressType: 'IPv4', endpoints: [], ports: [] });
  });

  it.each<[string, object, object]>([
    ['labels of the node', { topology: { 'kubernetes.io/hostname': 'n1' } }, { nodeName: 'n1' }],
    ['a zone', { topology: { 'topology.kubernetes.io/zone': 'z' } }, { zone: 'z' }],
    ['a name of its own', { nodeName: 'n2', topology: { 'kubernetes.io/hostname': 'n1' } }, { nodeName: 'n2' }],
    ['nothing', { topology: null }, {}],
  ])('a v1beta1 endpoint with %s', (_name, beta, wanted) => {
    const base = { addresses: ['192.0.2.1'], conditions: { ready: true } };
    const object: ApiObject = { metadata, addressType: 'IPv4', endpoints: [{ ...base, ...beta }], ports: [] };
    expect(sliceFromBeta(object).endpoints).toEqual([{ ...base, ...wanted }]);
  });

  it('Endpoints as slices, a slice for each subset and family, with the pods behind them', () => {
    const targetRef = { kind: 'Pod', namespace: 'lab', name: 'one' };
    const subsets = [
      {
        addresses: [{ ip: '192.0.2.1', nodeName: 'n1', targetRef }],
        notReadyAddresses: [{ ip: '192.0.2.2' }, { ip: '2001:db8::1' }],
        ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      },
    ];
    const slices = slicesFromEndpoints({ metadata, subsets });
    expect(
      slices.map(({ metadata: { name, labels }, addressType, endpoints, ports }) => ({
        ...{ name, service: labels['kubernetes.io/service-name'], addressType, endpoints, ports },
      })),
    ).toEqual([
      {
        ...{ name: 'web-mirror-ipv4-0', service: 'web', addressType: 'IPv4' },
        endpoints: [
          { addresses: ['192.0.2.1'], conditions: { ready: true }, nodeName: 'n1', targetRef },
          { addresses: ['192.0.2.2'], conditions: { ready: false } },
        ],
        ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      },
      {
        ...{ name: 'web-mirror-ipv6-0', service: 'web', addressType: 'IPv6' },
        endpoints: [{ addresses: ['2001:db8::1'], conditions: { ready: false } }],
        ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      },
    ]);
  });
});

describe('the Node', () => {
  it.each<[string, object, object, object]>([
    ['says nothing yet', {}, {}, {}],
    [
      'has labels and ranges',
      { labels: { a: 'b' } },
      { podCIDRs: ['192.0.2.0/28'] },
      {
        ...{ labels: { a: 'b' }, podCidrs: ['192.0.2.0/28'] },
      },
    ],
    ['is of an old server', {}, { podCIDR: '192.0.2.0/28' }, { podCidrs: ['192.0.2.0/28'] }],
    ['is being deleted', { deletionTimestamp: '2026-01-01T00:00:00Z' }, {}, { eligible: false }],
    ['is being scaled away', {}, { taints: [{ key: 'ToBeDeletedByClusterAutoscaler' }] }, { eligible: false }],
    ['has another taint', {}, { taints: [{ key: 'a' }] }, {}],
  ])('%s', (_name, meta, spec, wanted) => {
    expect(proxyNodeFacts({ metadata: { name: 'n1', ...meta }, spec })).toEqual({
      ...{ labels: {}, podCidrs: [], eligible: true },
      ...wanted,
    });
  });
});

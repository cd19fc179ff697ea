import { describe, expect, test } from 'vitest';
import { ApiStatusError, ApiUnavailableError, type ApiObject } from '../../../agent/api/index.ts';
import { peerHandler } from '../../../agent/daemon/peers.ts';
import { clusterNodes, peerOf, readPeers } from '../../../agent/daemon/peers-plan.ts';

const node = (name: string, spec: object, addresses?: unknown): ApiObject => ({
  ...{ metadata: { name }, spec, status: { addresses } },
});
const internal = (address: string): object => ({ type: 'InternalIP', address });

describe('what a Node tells', () => {
  test.each([
    ['nothing', {}, undefined, [], []],
    ['one range', { podCIDR: '203.0.113.0/27' }, [internal('198.51.100.1')], ['203.0.113.0/27'], ['198.51.100.1']],
    [
      'two',
      { podCIDR: '203.0.113.0/27', podCIDRs: ['203.0.113.0/27', '2001:db8:1::/64'] },
      [internal('2001:db8::1'), { type: 'Hostname', address: 'a' }, internal('198.51.100.1'), internal('198.51.100.2')],
      ['203.0.113.0/27', '2001:db8:1::/64'],
      ['198.51.100.1', '2001:db8::1'],
    ],
    ['nonsense', { podCIDR: 7, podCIDRs: {} }, [internal('not-an-address'), null, { type: 'InternalIP' }], [], []],
  ])('%s', (_, spec, addresses, podCidrs, nodeIps) => {
    expect(peerOf(node('a', spec, addresses))).toEqual({ name: 'a', podCidrs, nodeIps });
  });

  test('survives the disk; another form does not', () => {
    const peers = [peerOf(node('a', { podCIDR: '203.0.113.0/27' }, [internal('198.51.100.1')]))];
    expect(readPeers(JSON.stringify(peers))).toEqual(peers);
    expect(readPeers('[{"name":7},null,{"name":"a","podCidrs":[1]}]')).toEqual([
      { name: 'a', podCidrs: [], nodeIps: [] },
    ]);
    expect(readPeers('{}')).toEqual([]);
  });
});

test('a node is no peer of itself', () => {
  const kind = { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration' } as const;
  const [a, b] = ['a', 'b'].map((name) => ({ name, podCidrs: [], nodeIps: [] }));
  const nodes = [a, b].flatMap((one) => one ?? []);
  expect(clusterNodes({ nodeName: 'a', kubeProxy: { ...kind, clusterCIDR: 'x, y' } }, ['198.51.100.1'], nodes)).toEqual(
    {
      ...{ nodeIps: ['198.51.100.1'], peers: [b], clusterCidrs: ['x', 'y'] },
    },
  );
});

describe('following the nodes', () => {
  const following = () => {
    const told: string[] = [];
    const handler = peerHandler({
      onPeers: (peers) => told.push(peers.map(({ name, podCidrs }) => `${name} ${podCidrs.join()}`).join('; ')),
      onForbidden: () => told.push('forbidden'),
    });
    return { told, handler };
  };
  const forbidden = new ApiStatusError('list nodes', 403, {});

  test('tells what matters to the network', () => {
    const { told, handler } = following();
    handler.listed([node('a', { podCIDR: '203.0.113.0/27' }), node('b', {})]);
    handler.applied(node('a', { podCIDR: '203.0.113.0/27', unschedulable: true }));
    handler.applied(node('b', { podCIDR: '203.0.113.32/27' }));
    handler.deleted(node('a', {}));
    handler.deleted(node('unknown', {}));
    handler.listed([node('c', {})]);
    handler.listed([node('c', { unschedulable: true })]);
    expect(told).toEqual(['a 203.0.113.0/27; b ', 'a 203.0.113.0/27; b 203.0.113.32/27', 'b 203.0.113.32/27', 'c ']);
  });

  test('tells once that it may not, also when the server was away before', () => {
    const { told, handler } = following();
    handler.lost?.(new ApiUnavailableError('away'), 1);
    for (const failures of [2, 3, 4]) handler.lost?.(forbidden, failures);
    handler.lost?.(new ApiUnavailableError('away'), 5);
    handler.lost?.(forbidden, 1);
    expect(told).toEqual(['forbidden']);
    handler.listed([]);
    handler.lost?.(forbidden, 1);
    expect(told).toEqual(['forbidden', '', 'forbidden']);
  });
});

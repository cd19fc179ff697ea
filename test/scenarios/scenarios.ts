import type { ServiceSpec } from '../../proxy/services/input.ts';
import { dying, ready, type Row, type Scenario, terminating, unready } from './scenario.ts';
import { addressOf, bothAddresses, type Destination, NODE_NAME, type Source } from './world.ts';

const nodePort: ServiceSpec = { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] };
const loadBalancer: ServiceSpec = { ...nodePort, type: 'LoadBalancer' };
const externalIp: ServiceSpec = { externalIPs: bothAddresses('external') };
const everything: ServiceSpec = { ...loadBalancer, ...externalIp };
const externalLocal = { externalTrafficPolicy: 'Local' } satisfies ServiceSpec;
const internalLocal = { internalTrafficPolicy: 'Local' } satisfies ServiceSpec;

const everywhere: readonly Source[] = ['c', 'node', 'outside'];
const anyExternal: readonly Destination[] = ['nodePort', 'balancer', 'external'];

/** The same for all of the sources and destinations. */
function rows(from: readonly Source[], to: readonly Destination[], expected: Row[2]): readonly Row[] {
  return from.flatMap((source) => to.map((destination): Row => [source, destination, expected]));
}

/**
 * An external address with the policy Local: pods and the node should reach all endpoints. IPVS has one list of endpoints an address,
 * and those that are here are what other hosts need (kube-proxy's mode ipvs does the same).
 */
const unlikeIpvs = (others: string, ipvs: string): Row[2] => ({ iptables: others, nftables: others, ipvs });

const clientOnly = ['outside'] as const satisfies readonly Source[];
const cidr = (name: Parameters<typeof addressOf>[0]): readonly string[] =>
  ([4, 6] as const).map((family) => `${addressOf(name, family)}/${family === 4 ? 32 : 128}`);

/** What the node itself sends to external addresses is asked about in no chain of kube-proxy's iptables mode. */
const nowhere: readonly Row[] = [
  ...rows(everywhere, ['cluster', 'nodePort'], 'refused'),
  ...rows(['c', 'outside'], ['balancer', 'external'], 'refused'),
  ['node', 'balancer', { iptables: 'untouched', nftables: 'refused', ipvs: 'refused' }],
  ['node', 'external', { iptables: 'untouched', nftables: 'refused', ipvs: 'refused' }],
];

export const scenarios: readonly Scenario[] = [
  {
    title: 'a cluster IP',
    endpoints: ready('a', 'b', 'far'),
    rows: [
      ['c', 'cluster', 'a, b, far'],
      ['a', 'cluster', 'a as node, b, far'],
      ['node', 'cluster', 'a as node, b as node, far as node'],
      ['outside', 'cluster', 'a as node, b as node, far as node'],
      ['c', 'b directly', 'untouched'],
      ['outside', 'b directly', 'untouched'],
      // kube-proxy's nftables mode refuses what its iptables mode leaves to the routes.
      ['c', 'cluster:81', { iptables: 'untouched', nftables: 'refused', ipvs: 'refused' }],
    ],
  },
  {
    title: 'a pod reaches itself',
    service: nodePort,
    endpoints: ready('a'),
    rows: rows(['a'], ['cluster', 'nodePort'], 'a as node'),
  },
  {
    title: 'everything is masqueraded',
    endpoints: ready('a', 'far'),
    settings: () => ({ masqueradeAll: true }),
    rows: rows(['a', ...everywhere], ['cluster'], 'a as node, far as node'),
  },
  {
    title: 'pods are told by their bridge',
    endpoints: ready('a', 'far'),
    settings: () => ({ localDetector: { mode: 'BridgeInterface', bridge: 'cni0' } }),
    rows: [['c', 'cluster', 'a, far'], ...rows(['node', 'outside'], ['cluster'], 'a as node, far as node')],
  },
  {
    title: 'pods are not told from others',
    service: nodePort,
    endpoints: ready('a', 'b'),
    settings: () => ({ localDetector: { mode: 'None' } }),
    rows: [
      ...rows(clientOnly, ['cluster'], 'a, b'),
      ['c', 'cluster', 'a, b'],
      // In the mode ipvs the address of the Service is one of the node: it connects from there, and must be masqueraded.
      ['node', 'cluster', { iptables: 'a, b', nftables: 'a, b', ipvs: 'a as node, b as node' }],
      ['a', 'cluster', 'a as node, b'],
      ...rows(everywhere, ['nodePort'], 'a as node, b as node'),
    ],
  },
  {
    title: 'a node port',
    service: nodePort,
    endpoints: ready('a', 'far'),
    rows: [
      ...rows(['a', ...everywhere], ['nodePort', 'bridgePort'], 'a as node, far as node'),
      ['c', 'cluster', 'a, far'],
      ['node', 'loopbackPort', 'untouched'],
      ['outside', 'balancer', 'untouched'],
      ['outside', 'nodePort:30443', 'untouched'],
    ],
  },
  {
    title: 'node ports on some addresses of the node',
    service: nodePort,
    endpoints: ready('a'),
    settings: (family) => ({
      nodePortCidrs: [family === 4 ? '203.0.113.0/24' : '2001:db8:1::/64'],
      nodeIps: [addressOf('bridge', family)],
    }),
    rows: [...rows(everywhere, ['bridgePort'], 'a as node'), ...rows(everywhere, ['nodePort'], 'untouched')],
  },
  {
    title: 'external traffic policy Local, with an endpoint here',
    service: { ...everything, ...externalLocal },
    endpoints: ready('a', 'far'),
    rows: [
      ...rows(['outside'], anyExternal, 'a'),
      ...rows(['c'], anyExternal, unlikeIpvs('a, far', 'a')),
      ...rows(['node'], anyExternal, unlikeIpvs('a as node, far as node', 'a as node')),
      ['c', 'cluster', 'a, far'],
      ['outside', 'cluster', 'a as node, far as node'],
    ],
  },
  {
    title: 'external traffic policy Local, with endpoints elsewhere only',
    service: { ...everything, ...externalLocal },
    endpoints: ready('far'),
    rows: [
      ...rows(['outside'], anyExternal, 'dropped'),
      ...rows(['c'], [...anyExternal, 'cluster'], 'far'),
      ...rows(['node'], [...anyExternal, 'cluster'], 'far as node'),
    ],
  },
  {
    title: 'internal traffic policy Local, with an endpoint here',
    service: { ...everything, ...internalLocal },
    endpoints: ready('a', 'far'),
    rows: [
      ['c', 'cluster', 'a'],
      ['a', 'cluster', 'a as node'],
      ...rows(['node', 'outside'], ['cluster'], 'a as node'),
      ...rows(everywhere, anyExternal, 'a as node, far as node'),
    ],
  },
  {
    title: 'internal traffic policy Local, with endpoints elsewhere only',
    service: { ...everything, ...internalLocal },
    endpoints: ready('far'),
    rows: [...rows(everywhere, ['cluster'], 'dropped'), ...rows(everywhere, anyExternal, 'far as node')],
  },
  {
    title: 'both traffic policies Local',
    service: { ...nodePort, ...externalLocal, ...internalLocal },
    endpoints: ready('a', 'far'),
    rows: [
      ['c', 'cluster', 'a'],
      ['outside', 'nodePort', 'a'],
      ['c', 'nodePort', unlikeIpvs('a, far', 'a')],
    ],
  },
  {
    title: 'a load balancer',
    service: loadBalancer,
    endpoints: ready('a', 'far'),
    rows: [...rows(everywhere, ['balancer'], 'a as node, far as node'), ['c', 'cluster', 'a, far']],
  },
  {
    title: 'a load balancer that sends by the node ports',
    service: loadBalancer,
    ipMode: 'Proxy',
    endpoints: ready('a'),
    rows: [
      ['outside', 'balancer', 'untouched'],
      ['outside', 'nodePort', 'a as node'],
    ],
  },
  {
    title: 'source ranges that have the other host',
    service: { ...loadBalancer, loadBalancerSourceRanges: cidr('outside') },
    endpoints: ready('a', 'far'),
    rows: [
      ...rows(clientOnly, ['balancer', 'nodePort'], 'a as node, far as node'),
      ...rows(['a', 'c'], ['balancer'], 'dropped'),
      ['c', 'cluster', 'a, far'],
      ['c', 'nodePort', 'a as node, far as node'],
    ],
  },
  {
    title: 'source ranges that have pods',
    service: { ...loadBalancer, ...externalLocal, loadBalancerSourceRanges: ['203.0.113.0/24', '2001:db8:1::/64'] },
    endpoints: ready('a', 'far'),
    rows: [
      ['outside', 'balancer', 'dropped'],
      ['outside', 'nodePort', 'a'],
      ['c', 'balancer', unlikeIpvs('a, far', 'a')],
    ],
  },
  {
    title: 'external IPs',
    service: externalIp,
    endpoints: ready('a', 'far'),
    rows: [...rows(everywhere, ['external'], 'a as node, far as node'), ['c', 'cluster', 'a, far']],
  },
  {
    title: 'a client stays with its endpoint',
    service: { ...nodePort, sessionAffinity: 'ClientIP' },
    endpoints: ready('a', 'b', 'far'),
    isSticky: true,
    rows: [
      ['c', 'cluster', 'a, b, far'],
      ['node', 'cluster', 'a as node, b as node, far as node'],
      ['outside', 'nodePort', 'a as node, b as node, far as node'],
    ],
  },
  {
    title: 'no endpoints',
    service: everything,
    endpoints: [],
    rows: nowhere,
  },
  {
    title: 'no endpoints, by the policies Local',
    service: { ...everything, ...externalLocal, ...internalLocal },
    endpoints: [],
    rows: nowhere,
  },
  {
    title: 'endpoints that are not ready, or do not answer any more',
    service: nodePort,
    endpoints: [...unready('a'), ...dying('b')],
    rows: rows(everywhere, ['cluster', 'nodePort'], 'refused'),
  },
  {
    title: 'a ready endpoint among others',
    service: nodePort,
    endpoints: [...terminating('a'), ...ready('b'), ...unready('far')],
    rows: [
      ['c', 'cluster', 'b'],
      ['outside', 'nodePort', 'b as node'],
    ],
  },
  {
    title: 'all endpoints terminate',
    service: nodePort,
    endpoints: [...terminating('a', 'far'), ...unready('b')],
    rows: [
      ['c', 'cluster', 'a, far'],
      ['outside', 'nodePort', 'a as node, far as node'],
    ],
  },
  {
    title: 'the endpoint here terminates, by the policy Local',
    service: { ...nodePort, ...externalLocal },
    endpoints: [...terminating('a'), ...ready('far')],
    rows: [
      ['outside', 'nodePort', 'a'],
      ['c', 'cluster', 'far'],
      ['c', 'nodePort', unlikeIpvs('far', 'a')],
    ],
  },
  {
    title: 'endpoints that are preferred by this node',
    service: { ...nodePort, ...externalLocal },
    endpoints: [
      ...ready('a').map((endpoint) => ({ ...endpoint, hints: { forNodes: [{ name: NODE_NAME }] } })),
      ...ready('b', 'far').map((endpoint) => ({ ...endpoint, hints: { forNodes: [{ name: 'node-b' }] } })),
    ],
    rows: [
      ['c', 'cluster', 'a'],
      ['outside', 'nodePort', 'a, b'],
    ],
  },
  {
    title: 'UDP',
    service: { type: 'NodePort', ports: [{ port: 80, protocol: 'UDP', nodePort: 30_080 }] },
    protocol: 'UDP',
    endpoints: ready('a', 'far'),
    rows: [
      ['c', 'cluster', 'a, far'],
      ['a', 'cluster', 'a as node, far'],
      ...rows(['node', 'outside'], ['cluster', 'nodePort'], 'a as node, far as node'),
      ['outside', 'nodePort:30443', 'untouched'],
    ],
  },
  {
    title: 'UDP without endpoints',
    service: { type: 'NodePort', ports: [{ port: 80, protocol: 'UDP', nodePort: 30_080 }] },
    protocol: 'UDP',
    endpoints: [],
    rows: rows(everywhere, ['cluster', 'nodePort'], 'refused'),
  },
  {
    title: 'several ports',
    service: {
      type: 'NodePort',
      ports: [
        { name: 'http', port: 80, nodePort: 30_080 },
        { name: 'https', port: 443, nodePort: 30_443 },
      ],
    },
    endpoints: ready('a', 'b'),
    rows: [
      ['c', 'cluster', 'a, b'],
      ['c', 'cluster:443', 'a:8081, b:8081'],
      ['outside', 'nodePort', 'a as node, b as node'],
      ['outside', 'nodePort:30443', 'a:8081 as node, b:8081 as node'],
    ],
  },
  {
    title: 'a port number of the other protocol',
    service: {
      ports: [
        { name: 'dns', port: 80, protocol: 'UDP' },
        { name: 'web', port: 443 },
      ],
    },
    protocol: 'UDP',
    endpoints: ready('a'),
    rows: [
      ['c', 'cluster', 'a'],
      ['c', 'cluster:443', { iptables: 'untouched', nftables: 'refused', ipvs: 'refused' }],
    ],
  },
  {
    title: 'a headless Service',
    service: { clusterIP: 'None', clusterIPs: ['None'] },
    endpoints: ready('a'),
    rows: [
      ['c', 'cluster', 'untouched'],
      ['c', 'b directly', 'untouched'],
    ],
  },
];

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ServiceSpec } from '../../../proxy/services/input.ts';
import { tracePlan } from '../../../proxy/trace/index.ts';
import type { ProxyPlan } from '../../../proxy/types.ts';
import { planOfScenario, type Scenario, tell } from '../../scenarios/scenario.ts';
import {
  bothAddresses,
  type Destination,
  FAMILIES,
  nodeAddresses,
  packetOf,
  PLACES,
  type Source,
} from '../../scenarios/world.ts';

const policy = fc.constantFrom('Cluster', 'Local');
const networks = fc.subarray([
  '198.51.100.0/24',
  '203.0.113.0/25',
  '203.0.113.3/32',
  '2001:db8:1::/64',
  '2001:db8:2::2/128',
]);

const service: fc.Arbitrary<ServiceSpec> = fc.record({
  type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer'),
  externalTrafficPolicy: policy,
  internalTrafficPolicy: policy,
  sessionAffinity: fc.constantFrom('None', 'ClientIP'),
  externalIPs: fc.constantFrom([], bothAddresses('external')),
  loadBalancerSourceRanges: networks,
  ports: fc.constantFrom(
    [{ port: 80 }],
    [{ port: 80, nodePort: 30_080 }],
    [
      { name: 'a', port: 80, nodePort: 30_080 },
      { name: 'b', port: 443, nodePort: 30_443 },
    ],
  ),
});

const endpoint = fc.record({
  at: fc.constantFrom(...PLACES),
  conditions: fc.record({ ready: fc.boolean(), serving: fc.boolean(), terminating: fc.boolean() }),
});

const settings = fc.record({
  masqueradeAll: fc.boolean(),
  localDetector: fc.constantFrom(
    { mode: 'None' } as const,
    { mode: 'BridgeInterface', bridge: 'cni0' } as const,
    { mode: 'InterfaceNamePrefix', prefix: 'cn' } as const,
  ),
});

const scenario: fc.Arbitrary<Scenario> = fc
  .record({
    service,
    endpoints: fc.uniqueArray(endpoint, { maxLength: 5, selector: ({ at }) => at }),
    settings: fc.option(settings, { nil: undefined }),
  })
  .map(({ settings: chosen, ...rest }) => ({
    ...{ title: 'any', rows: [], ...rest },
    ...(chosen === undefined ? {} : { settings: () => chosen }),
  }));

const sources: readonly Source[] = ['a', 'b', 'c', 'node', 'outside'];
const destinations: readonly Destination[] = [
  ...(['cluster', 'cluster:443', 'balancer', 'external'] as const),
  ...(['nodePort', 'nodePort:30443', 'bridgePort', 'loopbackPort', 'b directly'] as const),
];

/** Where kube-proxy's modes differ, and so ours; never in where a packet arrives. */
function isDifferentByDesign(
  plan: ProxyPlan,
  from: Source,
  to: Destination,
  told: Readonly<Record<'iptables' | 'nftables', string>>,
): boolean {
  const { iptables, nftables } = told;
  // A node port on the loopback is nobody's, but the mode iptables turns away what has no endpoint there too.
  if (to === 'loopbackPort') return ['refused', 'dropped'].includes(iptables) && nftables === 'untouched';
  // A port that the address of a Service does not have: refused, or left to the routes.
  if (to === 'cluster:443' && plan.services.every(({ port }) => port !== 443))
    return iptables === 'untouched' && nftables === 'refused';
  // Without endpoints the mode iptables does not ask for source ranges, nor what the node itself sends.
  if (!['balancer', 'external'].includes(to) || plan.services.some(({ hasAnyEndpoints }) => hasAnyEndpoints))
    return false;
  return iptables === (from === 'node' ? 'untouched' : 'refused') && ['refused', 'dropped'].includes(nftables);
}

/** What the mode ipvs cannot do, see `unlikeIpvs` in the scenarios; and what one refuses and the other drops. */
function isOutOfReachOfIpvs(plan: ProxyPlan, from: Source, to: Destination): boolean {
  const isCluster = to.startsWith('cluster');
  if (isCluster) return from === 'node' && plan.settings.localDetector.mode === 'None';
  if (!plan.services.some(({ hasAnyEndpoints }) => hasAnyEndpoints)) return to === 'balancer';
  // It comes from the very address of the load balancer there, and is let through when any address of the node is.
  if (from === 'node' && to === 'balancer' && plan.services.some(({ sourceRanges }) => sourceRanges.length > 0))
    return true;
  const hasLocal = plan.services.some((port) => port.externalPolicyLocal && port.localEndpoints.length > 0);
  return hasLocal && from !== 'outside';
}

test('all modes do the same with a packet, whatever the Service', () => {
  fc.assert(
    fc.property(
      fc.record({
        scenario,
        from: fc.constantFrom(...sources),
        to: fc.constantFrom(...destinations),
        family: fc.constantFrom(...FAMILIES),
      }),
      ({ scenario, from, to, family }) => {
        // Nobody reaches another's loopback.
        fc.pre(to !== 'loopbackPort' || from === 'node');
        const plan = planOfScenario(scenario, family);
        const node = { localAddresses: nodeAddresses(family) };
        const packet = packetOf(from, to, 'TCP', family);
        const traces = {
          iptables: tracePlan('iptables', plan, packet, node),
          nftables: tracePlan('nftables', plan, packet, node),
          ipvs: tracePlan('ipvs', plan, packet, node),
        };
        const told = { iptables: tell(traces.iptables, family), nftables: tell(traces.nftables, family) };
        if (!isOutOfReachOfIpvs(plan, from, to)) expect(tell(traces.ipvs, family)).toBe(told.nftables);
        if (isDifferentByDesign(plan, from, to, told)) return;
        expect(told.iptables).toBe(told.nftables);
        const shares = ({ endpoints }: (typeof traces)['iptables']): readonly number[] =>
          endpoints.map(({ probability }) => Math.round(probability * 1e6));
        expect(shares(traces.iptables)).toEqual(shares(traces.nftables));
      },
    ),
    { numRuns: 1_000 },
  );
}, 60_000);

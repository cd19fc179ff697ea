import { describe, expect, test } from 'vitest';
import { renderTable, tableOfPlan } from '../../../../proxy/nftables/render.ts';
import { chainText } from '../../../../proxy/nftables/text.ts';
import type { ProxySettings, ServicePortPlan } from '../../../../proxy/types.ts';
import { endpoint, planOf, service, type ServiceSketch, settings, settings6 } from './plans.ts';

const input = { serviceCidrs: ['192.0.2.128/25'], marker: 'podwright test' };

const everything: ServiceSketch = {
  endpoints: [endpoint('203.0.113.1:8080', true), endpoint('203.0.113.2:8080')],
  nodePort: 30_080,
  externalIps: ['192.0.2.20'],
  loadBalancerIps: ['192.0.2.10'],
  sourceRanges: ['198.51.100.0/24'],
  affinitySeconds: 600,
  externalPolicyLocal: true,
};

test('the whole table with a Service that has everything, one without endpoints, one without local ones', async () => {
  const services = [
    service('empty', { clusterIp: '192.0.2.131', nodePort: 30_081 }),
    service('far', {
      clusterIp: '192.0.2.130',
      endpoints: [endpoint('203.0.113.3:53')],
      protocol: 'UDP',
      internalPolicyLocal: true,
    }),
    service('web', everything),
  ];
  await expect(renderTable(planOf(services), input).text).toMatchFileSnapshot('rendered/ip.nft');
});

test('the whole table of IPv6, with node ports on some addresses, and clients that stay', async () => {
  const web = service('web', {
    family: 6,
    clusterIp: '2001:db8:a::1',
    endpoints: [endpoint('[2001:db8:1::5]:8080')],
    nodePort: 30_080,
    affinitySeconds: 10_800,
  });
  const plan = planOf([web], { ...settings6, nodePortCidrs: ['2001:db8:2::/64'], nodeIps: ['2001:db8:2::1', '::1'] });
  const set = 'affinity-FUMROWOX-lab/web/tcp/http__2001.db8.1..5/8080';
  expect(tableOfPlan(plan, input).affinitySets.map(({ name }) => name)).toEqual([set]);
  const clients = new Map([
    [set, [{ ip: '2001:db8:2::7', expiresSeconds: 90 }]],
    ['affinity-of-another', [{ ip: '2001:db8:2::8', expiresSeconds: 90 }]],
  ]);
  const { text } = renderTable(plan, { serviceCidrs: ['2001:db8:a::/112'], marker: 'podwright test' }, clients);
  await expect(text).toMatchFileSnapshot('rendered/ip6.nft');
});

describe('rules of one Service', () => {
  const chainOf = (
    prefix: string,
    plan: ServicePortPlan,
    of: ProxySettings = settings,
  ): readonly string[] | undefined => {
    const chains = [...tableOfPlan(planOf([plan], of), input).chains.values()];
    const found = chains.find(({ name }) => name.startsWith(prefix));
    return found === undefined ? undefined : chainText(found, of.family).trimEnd().split('\n').slice(1, -1);
  };
  const web = service('web', everything);
  const toCluster = 'ip daddr 192.0.2.129 tcp dport 80';

  const detectors: readonly (readonly [string, Partial<ProxySettings>, string | undefined, string | undefined])[] = [
    ['ClusterCIDR', {}, 'ip saddr != 203.0.113.0/24 ', 'ip saddr 203.0.113.0/24 '],
    [
      'BridgeInterface',
      { localDetector: { mode: 'BridgeInterface', bridge: 'cni0' } },
      'iifname != "cni0" ',
      'iifname "cni0" ',
    ],
    [
      'InterfaceNamePrefix',
      { localDetector: { mode: 'InterfaceNamePrefix', prefix: 'veth' } },
      'iifname != "veth*" ',
      'iifname "veth*" ',
    ],
    ['None', { localDetector: { mode: 'None' } }, undefined, undefined],
    ['masqueradeAll', { masqueradeAll: true }, '', 'ip saddr 203.0.113.0/24 '],
  ];
  test.each(detectors)('pods are told apart by %s', (_, changed, elsewhere, local) => {
    const of = { ...settings, ...changed };
    const masquerade = (chainOf('service-URTH', web, of) ?? []).filter((rule) => rule.endsWith('mark-for-masquerade'));
    expect(masquerade).toEqual(elsewhere === undefined ? [] : [`${toCluster} ${elsewhere}jump mark-for-masquerade`]);
    const short = (chainOf('external-', web, of) ?? []).filter((rule) => rule.includes('short-circuit pod'));
    expect(short).toEqual(
      local === undefined ? [] : [`${local}goto service-URTH2HAX-lab/web/tcp/http comment "short-circuit pod traffic"`],
    );
  });

  test('the addresses of the load balancer are sources only where the node is in a range', () => {
    expect(chainOf('firewall-U', web)).toEqual(['ip saddr != { 198.51.100.0/24, 192.0.2.10 } drop']);
    expect(chainOf('firewall-U', { ...web, sourceRanges: ['203.0.113.0/24'] })).toEqual([
      'ip saddr != 203.0.113.0/24 drop',
    ]);
    expect(chainOf('firewall-U', { ...web, sourceRanges: [] })).toBeUndefined();
  });

  test('up to 16 endpoints are chosen by rules, more by a map', () => {
    const many = (count: number): ServicePortPlan =>
      service('web', { endpoints: Array.from({ length: count }, (_, index) => endpoint(`203.0.113.${index + 1}:80`)) });
    expect(chainOf('service-URTH', many(16))?.slice(1, 3)).toEqual([
      expect.stringMatching(/^numgen random mod 16 0 goto endpoint-/) as string,
      expect.stringMatching(/^numgen random mod 15 0 goto endpoint-/) as string,
    ]);
    expect(chainOf('service-URTH', many(16))).toHaveLength(17);
    expect(chainOf('service-URTH', many(17))).toHaveLength(2);
    expect(chainOf('service-URTH', many(17))?.[1]).toMatch(
      /^numgen random mod 17 vmap \{ 0 : goto endpoint-.*16 : goto/,
    );
  });
});

test('the number of rules and elements by Services and endpoints', () => {
  const count = (services: number, endpoints: number): number =>
    renderTable(
      planOf(
        Array.from({ length: services }, (_, s) =>
          service(`s${s}`, {
            clusterIp: `192.0.2.${128 + s}`,
            endpoints: Array.from({ length: endpoints }, (_e, e) => endpoint(`203.0.113.${e + 1}:${1000 + s}`)),
          }),
        ),
      ),
      input,
    ).written;
  const base = 23;
  // A Service: two elements and a rule for masquerading; an endpoint: a rule that chooses it and two that lead to it.
  expect([count(0, 0), count(1, 0), count(1, 1), count(1, 5), count(10, 5)]).toEqual([
    base,
    base + 2,
    base + 3 + 3,
    base + 3 + 15,
    base + 10 * (3 + 15),
  ]);
});

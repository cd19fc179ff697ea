import { expect, test } from 'vitest';
import { endpointNames, serviceChains } from '../../../../proxy/nftables/names.ts';
import { endpoint, service } from './plans.ts';

const plan = { ...service('svc1'), name: { namespace: 'ns1', name: 'svc1', port: 'p80' } };

test('names are those of kube-proxy', () => {
  // From the comments and tests of pkg/proxy/nftables.
  expect(serviceChains(plan)).toEqual({
    cluster: 'service-ULMVA6XW-ns1/svc1/tcp/p80',
    local: 'local-ULMVA6XW-ns1/svc1/tcp/p80',
    external: 'external-ULMVA6XW-ns1/svc1/tcp/p80',
    firewall: 'firewall-ULMVA6XW-ns1/svc1/tcp/p80',
  });
  expect(endpointNames(plan, endpoint('10.180.0.1:80'))).toEqual({
    chain: 'endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80',
    affinitySet: 'affinity-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80',
  });
});

test('an IPv6 address has dots for colons', () => {
  const { chain } = endpointNames(plan, endpoint('[2001:db8::1]:80'));
  expect(chain).toMatch(/^endpoint-[A-Z2-7]{8}-ns1\/svc1\/tcp\/p80__2001\.db8\.\.1\/80$/);
});

test('a name that is too long for the kernel is cut and stays unique', () => {
  const long = { ...plan, name: { namespace: 'n'.repeat(63), name: 's'.repeat(63), port: 'p'.repeat(63) } };
  const [a, b] = ['[2001:db8:1111:2222:3333:4444:5555:6666]:60001', '[2001:db8:1111:2222:3333:4444:5555:6666]:60002'];
  const names = [a, b].map((text) => endpointNames(long, endpoint(text ?? '')).affinitySet);
  expect(new Set(names).size).toBe(2);
  for (const name of names) expect(name).toSatisfy((text: string) => text.length <= 255 && text.endsWith('...'));
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderTable } from '../../../../proxy/nftables/render.ts';
import { renderUpdate, type Written, writtenByTable } from '../../../../proxy/nftables/update.ts';
import type { ProxyPlan, ServicePortPlan } from '../../../../proxy/types.ts';
import { applyScript, contentOf, emptyModel } from './model.ts';
import { endpoint, planOf, service } from './plans.ts';

const input = { serviceCidrs: ['192.0.2.128/25'], marker: 'test' };
const [first, second, third] = ['203.0.113.1:8080', '203.0.113.2:8080', '203.0.113.3:8080'].map((text) =>
  endpoint(text),
);
const [one, two, three] = [first!, second!, third!];

function update(before: Written, plan: ProxyPlan, nowMs = 0): { text: string; after: Written; written: number } {
  return renderUpdate(before, plan, nowMs);
}

describe('a transaction of what changed', () => {
  const web = service('web', { endpoints: [one, two] });
  const other = service('other', { clusterIp: '192.0.2.130', endpoints: [one] });
  const before = writtenByTable(planOf([other, web]));

  test('nothing changed: nothing is written, for an equal plan as for the same', () => {
    expect(update(before, planOf([other, web])).text).toBe('');
    expect(update(before, planOf([{ ...other }, { ...web }])).text).toBe('');
  });

  test('an endpoint is added', () => {
    const { text, written } = update(
      before,
      planOf([other, { ...web, ...service('web', { endpoints: [one, two, three] }) }]),
    );
    expect(text).toBe(`flush chain ip kube-proxy service-URTH2HAX-lab/web/tcp/http
table ip kube-proxy {
chain service-URTH2HAX-lab/web/tcp/http {
ip daddr 192.0.2.129 tcp dport 80 ip saddr != 203.0.113.0/24 jump mark-for-masquerade
numgen random mod 3 0 goto endpoint-WYPLPUW2-lab/web/tcp/http__203.0.113.1/8080
numgen random mod 2 0 goto endpoint-6GGXCLVC-lab/web/tcp/http__203.0.113.2/8080
goto endpoint-YR4655CM-lab/web/tcp/http__203.0.113.3/8080
}
chain endpoint-YR4655CM-lab/web/tcp/http__203.0.113.3/8080 {
ip saddr 203.0.113.3 jump mark-for-masquerade
meta l4proto tcp dnat to 203.0.113.3:8080
}
}
`);
    expect(written).toBe(6);
  });

  test('the last endpoint goes: the chains are emptied now and deleted later', () => {
    const gone = update(before, planOf([service('other', { clusterIp: '192.0.2.130' }), web]), 5_000);
    expect(gone.text).toBe(`flush chain ip kube-proxy service-AKUDAWBC-lab/other/tcp/http
flush chain ip kube-proxy endpoint-XXQNBBRK-lab/other/tcp/http__203.0.113.1/8080
delete element ip kube-proxy service-ips { 192.0.2.130 . tcp . 80 }
add element ip kube-proxy no-endpoint-services { 192.0.2.130 . tcp . 80 comment "lab/other:http" : goto reject-chain }
`);
    const still = planOf([...gone.after.services.values()]);
    expect(update(gone.after, still, 5_999).text).toBe('');
    const later = update(gone.after, still, 6_000);
    expect(later.text).toBe(`delete chain ip kube-proxy service-AKUDAWBC-lab/other/tcp/http
delete chain ip kube-proxy endpoint-XXQNBBRK-lab/other/tcp/http__203.0.113.1/8080
`);
    expect(update(later.after, still, 60_000).text).toBe('');
  });

  test('another timeout of the affinity makes the sets anew', () => {
    const sticky = service('web', { endpoints: [one], affinitySeconds: 60 });
    const { text } = update(writtenByTable(planOf([sticky])), planOf([{ ...sticky, affinitySeconds: 90 }]));
    expect(text).toContain('delete set ip kube-proxy affinity-WYPLPUW2-lab/web/tcp/http__203.0.113.1/8080\n');
    expect(text).toContain('timeout 90s;');
  });

  test('two Services with one address: the first by name has it, and the other when the first goes', () => {
    const shared = { externalIps: ['192.0.2.20'], endpoints: [one] };
    const [a, b] = [service('a', shared), service('b', { ...shared, clusterIp: '192.0.2.130' })];
    const both = writtenByTable(planOf([a, b]));
    expect(both.elements['service-ips'].get('192.0.2.20 . tcp . 80')?.verdict).toContain('lab/a/');
    expect(update(both, planOf([b])).text).toContain(
      'add element ip kube-proxy service-ips { 192.0.2.20 . tcp . 80 : goto external-',
    );
  });
});

const anEndpoint = fc
  .tuple(fc.integer({ min: 1, max: 20 }), fc.boolean())
  .map(([last, isLocal]) => endpoint(`203.0.113.${last}:8080`, isLocal));

const aService = (name: string): fc.Arbitrary<ServicePortPlan> =>
  fc
    .record({
      endpoints: fc.uniqueArray(anEndpoint, { maxLength: 20, selector: ({ ip }) => ip }),
      clusterIp: fc.constantFrom('192.0.2.129', '192.0.2.130', '192.0.2.131'),
      port: fc.constantFrom(80, 81),
      nodePort: fc.constantFrom(0, 30_080, 30_081),
      externalIps: fc.subarray(['192.0.2.20', '192.0.2.21']),
      loadBalancerIps: fc.subarray(['192.0.2.10', '192.0.2.20']),
      sourceRanges: fc.subarray(['198.51.100.0/24', '192.0.2.0/24']),
      affinitySeconds: fc.constantFrom(undefined, undefined, 60, 10_800),
      internalPolicyLocal: fc.boolean(),
      externalPolicyLocal: fc.boolean(),
    })
    .map((sketch) => service(name, sketch));

/** What becomes of each Service in a step: it stays the same object, goes, or gets another plan. */
const aStep = fc.record({
  elapsedMs: fc.constantFrom(0, 400, 1_000, 5_000),
  services: fc.tuple(
    ...['a', 'b', 'c'].map((name) => fc.oneof(fc.constant('keep' as const), fc.constant(undefined), aService(name))),
  ),
});

test('the transactions of any history make the same table as one that writes all', () => {
  fc.assert(
    fc.property(fc.array(aStep, { minLength: 1, maxLength: 6 }), (steps) => {
      let services: readonly (ServicePortPlan | undefined)[] = [];
      let nowMs = 0;
      const present = (): ProxyPlan => planOf(services.filter((each) => each !== undefined));
      let written = writtenByTable(present());
      let model = applyScript(emptyModel(), renderTable(present(), input).text);
      for (const step of steps) {
        services = step.services.map((next, index) => (next === 'keep' ? services[index] : next));
        nowMs += step.elapsedMs;
        const next = renderUpdate(written, present(), nowMs);
        model = applyScript(model, next.text);
        written = next.after;
        const full = applyScript(model, renderTable(present(), input).text);
        expect(contentOf(model)).toEqual(contentOf(full));
        expect([...model.chains.keys()].sort()).toEqual([...full.chains.keys(), ...written.stale.keys()].sort());
      }
    }),
    { numRuns: 150 },
  );
});

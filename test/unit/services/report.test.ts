import { describe, expect, test } from 'vitest';
import { renderServices } from '../../../agent/cli/services/render.ts';
import { type HeldContent, heldOfAll, heldOfPort, indexHeld, type ProxyMode } from '../../../proxy/index.ts';
import { plans, servicesReport } from './fixtures.ts';

/** All that the kernel should hold of a family. */
function wanted(mode: ProxyMode, family: 4 | 6): HeldContent {
  const { services, settings } = plans[family];
  const all = [heldOfAll(mode, settings), ...services.map((port) => heldOfPort(mode, port, settings))];
  return { names: all.flatMap(({ names }) => names), entries: all.flatMap(({ entries }) => entries) };
}

describe('what is shown of Services', () => {
  test('each with its addresses, ports and endpoints, and what is wrong', () => {
    expect(renderServices(servicesReport({ mode: 'nftables', reason: 'it works here', settled: true }))).toBe(
      `NAMESPACE   NAME    TYPE           CLUSTER-IP                  EXTERNAL-IP      PORTS          ENDPOINTS
lab         alias   ExternalName   <none>                      db.example.com   80/TCP         <none>
lab         empty   ClusterIP      192.0.2.130                 <none>           80/TCP         0/0 ready
lab         web     NodePort       192.0.2.129,2001:db8:a::1   <none>           80:30080/TCP   2/5 ready

SERVICE   ENDPOINT        PORTS      CONDITION                    POD
lab/web   203.0.113.2     8080/TCP   ready                        lab/one
lab/web   203.0.113.4     8080/TCP   terminating, still serving   lab/three
lab/web   203.0.113.3     8080/TCP   not ready                    lab/two
lab/web   2001:db8:1::2   8080/TCP   ready                        lab/one
lab/web   2001:db8:1::3   8080/TCP   not ready                    lab/two

Problems:
  web.yaml: error: spec.clusterIP: the address 192.0.2.129 is taken
`,
    );
  });

  test.each([
    ['iptables', /^lab\/web:http +IPv4 +1, 1 here +KUBE-EXT-\w+ KUBE-SVC-\w+ KUBE-SVL-\w+ KUBE-SEP-\w+$/m],
    ['nftables', /^lab\/web:http +IPv6 +1, 1 here +service-\S+ local-\S+ external-\S+ endpoint-\S+$/m],
    [
      'ipvs',
      /^lab\/web:http +IPv4 +1, 1 here +-t 192\.0\.2\.129:80 -t 198\.51\.100\.1:30080 -t 203\.0\.113\.1:30080$/m,
    ],
  ] as const)('what the kernel holds by %s', (mode, line) => {
    const kernel = new Map(([4, 6] as const).map((family) => [family, indexHeld(wanted(mode, family))]));
    const text = renderServices(servicesReport({ mode, reason: 'asked for', settled: false }, kernel), true);
    expect(text).toMatch(line);
    expect(text.split('\n')[0]).toBe(`Mode: ${mode} (asked for), the kernel is not there yet`);
    expect(text).toMatch(/^lab +web .* external Local$/m);
    expect(text).not.toContain('issing');
  });

  test('what is missing in the kernel, of one Service and of all', () => {
    const lost = ['PREROUTING: -j KUBE-SERVICES', 'KUBE-SERVICES: -d 192.0.2.129 -p tcp --dport 80'];
    const { names, entries } = wanted('iptables', 4);
    const left = entries.filter((entry) => !lost.some((start) => entry.startsWith(start)));
    const kernel = new Map([[4 as const, indexHeld({ names, entries: left })]]);
    const text = renderServices(servicesReport({ mode: 'iptables', reason: 'asked for', settled: true }, kernel), true);
    expect(text).toMatch(/^Missing in the kernel of all Services:\n {2}IPv4: PREROUTING: -j KUBE-SERVICES$/m);
    expect(text).toMatch(/^lab\/web:http +IPv4 .*, 1 missing$/m);
    expect(text).toMatch(/^lab\/web:http +IPv6 .* <not read>$/m);
    expect(text).toMatch(
      /^Missing in the kernel of lab\/web:http \(IPv4\):\n {2}KUBE-SERVICES: -d 192\.0\.2\.129 -p tcp --dport 80 -j KUBE-SVC-\w+$/m,
    );
  });

  test('a kernel that could not be read', () => {
    const proxy = { mode: 'nftables', reason: 'asked for', settled: true, unread: 'nft failed: no' } as const;
    expect(renderServices(servicesReport(proxy), true)).toContain(
      'What the kernel holds cannot be read: nft failed: no',
    );
  });

  test('why they do not work', () => {
    const text = renderServices(servicesReport({ reason: 'nft is not installed', settled: false }));
    expect(text.split('\n')[0]).toBe('Services do not work here: nft is not installed');
  });

  test('none', () => {
    expect(renderServices({ proxy: { settled: false }, services: [], problems: [] })).toBe('No Services.\n');
  });
});

import { expect, test } from 'vitest';
import { renderOwnChains } from '../../../../proxy/iptables/own-chains.ts';
import { renderRestore } from '../../../../proxy/iptables/restore.ts';
import { renderSharedChains } from '../../../../proxy/iptables/shared-chains.ts';
import { renderSharedRules } from '../../../../proxy/iptables/shared-rules.ts';
import type { ProxyPlan } from '../../../../proxy/types.ts';
import { endpoint, LOCAL, manyPorts, planOf, port, REMOTE, SETTINGS, SETTINGS_6 } from './plans.ts';

function render(plan: ProxyPlan): string {
  const options = { settings: plan.settings, isLarge: false };
  const own = plan.services.map((service) => renderOwnChains(service, options));
  return renderRestore({ shared: renderSharedChains(plan, renderSharedRules), own, gone: [], jumps: [] });
}

const emptyPlan = render(planOf([]));

/** The rules of a plan beside those that are always there. */
function rulesOf(plan: ProxyPlan): string {
  const always = new Set(emptyPlan.split('\n'));
  return render(plan)
    .split('\n')
    .filter((line) => !always.has(line) && line.startsWith('-A'))
    .join('\n');
}

test('a node port, whole', () => {
  expect(render(planOf([port([LOCAL, REMOTE], { nodePort: 30_080 })]))).toMatchInlineSnapshot(`
    "*mangle
    :KUBE-PROXY-CANARY - [0:0]
    COMMIT
    *filter
    :KUBE-SERVICES - [0:0]
    :KUBE-PROXY-FIREWALL - [0:0]
    :KUBE-PROXY-CANARY - [0:0]
    :KUBE-NODEPORTS - [0:0]
    :KUBE-FORWARD - [0:0]
    :KUBE-EXTERNAL-SERVICES - [0:0]
    -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
    -A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
    -A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    COMMIT
    *nat
    :KUBE-SVC-NAVV37HDGJLPWY47 - [0:0]
    :KUBE-SERVICES - [0:0]
    :KUBE-SEP-CFT5GXEQAHPBQIFM - [0:0]
    :KUBE-SEP-AQFZMIU6Y75QDZUF - [0:0]
    :KUBE-PROXY-CANARY - [0:0]
    :KUBE-POSTROUTING - [0:0]
    :KUBE-NODEPORTS - [0:0]
    :KUBE-MARK-MASQ - [0:0]
    :KUBE-EXT-NAVV37HDGJLPWY47 - [0:0]
    -A KUBE-SERVICES -m comment --comment "lab/web:http cluster IP" -m tcp -p tcp -d 192.0.2.10 --dport 80 -j KUBE-SVC-NAVV37HDGJLPWY47
    -A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL ! -d 127.0.0.0/8 -j KUBE-NODEPORTS
    -A KUBE-NODEPORTS -m comment --comment lab/web:http -m tcp -p tcp --dport 30080 -j KUBE-EXT-NAVV37HDGJLPWY47
    -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
    -A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
    -A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
    -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
    -A KUBE-SVC-NAVV37HDGJLPWY47 -m comment --comment "lab/web:http cluster IP" -m tcp -p tcp -d 192.0.2.10 --dport 80 ! -s 203.0.113.0/24 -j KUBE-MARK-MASQ
    -A KUBE-EXT-NAVV37HDGJLPWY47 -m comment --comment "masquerade traffic for lab/web:http external destinations" -j KUBE-MARK-MASQ
    -A KUBE-EXT-NAVV37HDGJLPWY47 -j KUBE-SVC-NAVV37HDGJLPWY47
    -A KUBE-SVC-NAVV37HDGJLPWY47 -m comment --comment "lab/web:http -> 203.0.113.1:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-CFT5GXEQAHPBQIFM
    -A KUBE-SVC-NAVV37HDGJLPWY47 -m comment --comment "lab/web:http -> 203.0.113.130:8080" -j KUBE-SEP-AQFZMIU6Y75QDZUF
    -A KUBE-SEP-CFT5GXEQAHPBQIFM -m comment --comment lab/web:http -s 203.0.113.1 -j KUBE-MARK-MASQ
    -A KUBE-SEP-CFT5GXEQAHPBQIFM -m comment --comment lab/web:http -m tcp -p tcp -j DNAT --to-destination 203.0.113.1:8080
    -A KUBE-SEP-AQFZMIU6Y75QDZUF -m comment --comment lab/web:http -s 203.0.113.130 -j KUBE-MARK-MASQ
    -A KUBE-SEP-AQFZMIU6Y75QDZUF -m comment --comment lab/web:http -m tcp -p tcp -j DNAT --to-destination 203.0.113.130:8080
    COMMIT
    "
  `);
});

test('external addresses with the policy Local, source ranges and affinity', () => {
  const balancer = port([LOCAL, REMOTE], {
    nodePort: 30_080,
    externalPolicyLocal: true,
    healthCheckNodePort: 30_999,
    loadBalancerIps: ['192.0.2.200'],
    externalIps: ['192.0.2.201'],
    sourceRanges: ['198.51.100.0/24'],
    affinitySeconds: 10_800,
  });
  expect(rulesOf(planOf([balancer]))).toMatchInlineSnapshot(`
    "-A KUBE-NODEPORTS -m comment --comment "lab/web:http health check node port" -m tcp -p tcp --dport 30999 -j ACCEPT
    -A KUBE-PROXY-FIREWALL -m comment --comment "lab/web:http traffic not accepted by KUBE-FW-NAVV37HDGJLPWY47" -m tcp -p tcp -d 192.0.2.200 --dport 80 -j DROP
    -A KUBE-SERVICES -m comment --comment "lab/web:http cluster IP" -m tcp -p tcp -d 192.0.2.10 --dport 80 -j KUBE-SVC-NAVV37HDGJLPWY47
    -A KUBE-SERVICES -m comment --comment "lab/web:http external IP" -m tcp -p tcp -d 192.0.2.201 --dport 80 -j KUBE-EXT-NAVV37HDGJLPWY47
    -A KUBE-SERVICES -m comment --comment "lab/web:http loadbalancer IP" -m tcp -p tcp -d 192.0.2.200 --dport 80 -j KUBE-FW-NAVV37HDGJLPWY47
    -A KUBE-NODEPORTS -m comment --comment lab/web:http -m tcp -p tcp --dport 30080 -j KUBE-EXT-NAVV37HDGJLPWY47
    -A KUBE-SVC-NAVV37HDGJLPWY47 -m comment --comment "lab/web:http cluster IP" -m tcp -p tcp -d 192.0.2.10 --dport 80 ! -s 203.0.113.0/24 -j KUBE-MARK-MASQ
    -A KUBE-EXT-NAVV37HDGJLPWY47 -m comment --comment "pod traffic for lab/web:http external destinations" -s 203.0.113.0/24 -j KUBE-SVC-NAVV37HDGJLPWY47
    -A KUBE-EXT-NAVV37HDGJLPWY47 -m comment --comment "masquerade LOCAL traffic for lab/web:http external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ
    -A KUBE-EXT-NAVV37HDGJLPWY47 -m comment --comment "route LOCAL traffic for lab/web:http external destinations" -m addrtype --src-type LOCAL -j KUBE-SVC-NAVV37HDGJLPWY47
    -A KUBE-EXT-NAVV37HDGJLPWY47 -j KUBE-SVL-NAVV37HDGJLPWY47
    -A KUBE-FW-NAVV37HDGJLPWY47 -m comment --comment "lab/web:http loadbalancer IP" -s 198.51.100.0/24 -j KUBE-EXT-NAVV37HDGJLPWY47
    -A KUBE-FW-NAVV37HDGJLPWY47 -m comment --comment "lab/web:http loadbalancer IP" -s 192.0.2.200 -j KUBE-EXT-NAVV37HDGJLPWY47
    -A KUBE-FW-NAVV37HDGJLPWY47 -m comment --comment "other traffic to lab/web:http will be dropped by KUBE-PROXY-FIREWALL"
    -A KUBE-SVC-NAVV37HDGJLPWY47 -m comment --comment "lab/web:http -> 203.0.113.1:8080" -m recent --name KUBE-SEP-CFT5GXEQAHPBQIFM --rcheck --seconds 10800 --reap -j KUBE-SEP-CFT5GXEQAHPBQIFM
    -A KUBE-SVC-NAVV37HDGJLPWY47 -m comment --comment "lab/web:http -> 203.0.113.130:8080" -m recent --name KUBE-SEP-AQFZMIU6Y75QDZUF --rcheck --seconds 10800 --reap -j KUBE-SEP-AQFZMIU6Y75QDZUF
    -A KUBE-SVC-NAVV37HDGJLPWY47 -m comment --comment "lab/web:http -> 203.0.113.1:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-CFT5GXEQAHPBQIFM
    -A KUBE-SVC-NAVV37HDGJLPWY47 -m comment --comment "lab/web:http -> 203.0.113.130:8080" -j KUBE-SEP-AQFZMIU6Y75QDZUF
    -A KUBE-SVL-NAVV37HDGJLPWY47 -m comment --comment "lab/web:http -> 203.0.113.1:8080" -m recent --name KUBE-SEP-CFT5GXEQAHPBQIFM --rcheck --seconds 10800 --reap -j KUBE-SEP-CFT5GXEQAHPBQIFM
    -A KUBE-SVL-NAVV37HDGJLPWY47 -m comment --comment "lab/web:http -> 203.0.113.1:8080" -j KUBE-SEP-CFT5GXEQAHPBQIFM
    -A KUBE-SEP-CFT5GXEQAHPBQIFM -m comment --comment lab/web:http -s 203.0.113.1 -j KUBE-MARK-MASQ
    -A KUBE-SEP-CFT5GXEQAHPBQIFM -m comment --comment lab/web:http -m recent --name KUBE-SEP-CFT5GXEQAHPBQIFM --set -m tcp -p tcp -j DNAT --to-destination 203.0.113.1:8080
    -A KUBE-SEP-AQFZMIU6Y75QDZUF -m comment --comment lab/web:http -s 203.0.113.130 -j KUBE-MARK-MASQ
    -A KUBE-SEP-AQFZMIU6Y75QDZUF -m comment --comment lab/web:http -m recent --name KUBE-SEP-AQFZMIU6Y75QDZUF --set -m tcp -p tcp -j DNAT --to-destination 203.0.113.130:8080"
  `);
});

test('without endpoints, and without local ones', () => {
  const outside = { nodePort: 30_081, externalIps: ['192.0.2.201'], loadBalancerIps: ['192.0.2.200'] };
  const none = port([], { name: 'none', ...outside });
  const elsewhere = port([REMOTE], { name: 'far', externalPolicyLocal: true, internalPolicyLocal: true, ...outside });
  expect(rulesOf(planOf([none, elsewhere]))).toMatchInlineSnapshot(`
    "-A KUBE-SERVICES -m comment --comment "lab/none:http has no endpoints" -m tcp -p tcp -d 192.0.2.10 --dport 80 -j REJECT
    -A KUBE-SERVICES -m comment --comment "lab/far:http has no local endpoints" -m tcp -p tcp -d 192.0.2.10 --dport 80 -j DROP
    -A KUBE-EXTERNAL-SERVICES -m comment --comment "lab/none:http has no endpoints" -m tcp -p tcp -d 192.0.2.201 --dport 80 -j REJECT
    -A KUBE-EXTERNAL-SERVICES -m comment --comment "lab/none:http has no endpoints" -m tcp -p tcp -d 192.0.2.200 --dport 80 -j REJECT
    -A KUBE-EXTERNAL-SERVICES -m comment --comment "lab/none:http has no endpoints" -m addrtype --dst-type LOCAL -m tcp -p tcp --dport 30081 -j REJECT
    -A KUBE-EXTERNAL-SERVICES -m comment --comment "lab/far:http has no local endpoints" -m tcp -p tcp -d 192.0.2.201 --dport 80 -j DROP
    -A KUBE-EXTERNAL-SERVICES -m comment --comment "lab/far:http has no local endpoints" -m tcp -p tcp -d 192.0.2.200 --dport 80 -j DROP
    -A KUBE-EXTERNAL-SERVICES -m comment --comment "lab/far:http has no local endpoints" -m addrtype --dst-type LOCAL -m tcp -p tcp --dport 30081 -j DROP
    -A KUBE-SERVICES -m comment --comment "lab/far:http external IP" -m tcp -p tcp -d 192.0.2.201 --dport 80 -j KUBE-EXT-SCVX3WG6ED5ZUIZN
    -A KUBE-SERVICES -m comment --comment "lab/far:http loadbalancer IP" -m tcp -p tcp -d 192.0.2.200 --dport 80 -j KUBE-EXT-SCVX3WG6ED5ZUIZN
    -A KUBE-NODEPORTS -m comment --comment lab/far:http -m tcp -p tcp --dport 30081 -j KUBE-EXT-SCVX3WG6ED5ZUIZN
    -A KUBE-EXT-SCVX3WG6ED5ZUIZN -m comment --comment "pod traffic for lab/far:http external destinations" -s 203.0.113.0/24 -j KUBE-SVC-SCVX3WG6ED5ZUIZN
    -A KUBE-EXT-SCVX3WG6ED5ZUIZN -m comment --comment "masquerade LOCAL traffic for lab/far:http external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ
    -A KUBE-EXT-SCVX3WG6ED5ZUIZN -m comment --comment "route LOCAL traffic for lab/far:http external destinations" -m addrtype --src-type LOCAL -j KUBE-SVC-SCVX3WG6ED5ZUIZN
    -A KUBE-SVC-SCVX3WG6ED5ZUIZN -m comment --comment "lab/far:http -> 203.0.113.130:8080" -j KUBE-SEP-CXYVA3SU7PSZ6AUU
    -A KUBE-SEP-CXYVA3SU7PSZ6AUU -m comment --comment lab/far:http -s 203.0.113.130 -j KUBE-MARK-MASQ
    -A KUBE-SEP-CXYVA3SU7PSZ6AUU -m comment --comment lab/far:http -m tcp -p tcp -j DNAT --to-destination 203.0.113.130:8080"
  `);
});

test('IPv6 over UDP', () => {
  const dns = port([endpoint('2001:db8::5', { port: 53 }), endpoint('2001:db8::6', { port: 53 })], {
    family: 6,
    protocol: 'UDP',
    clusterIp: '2001:db8:1::1',
    port: 53,
  });
  expect(rulesOf({ settings: SETTINGS_6, services: [dns] })).toMatchInlineSnapshot(`
    "-A KUBE-SERVICES -m comment --comment "lab/web:http cluster IP" -m udp -p udp -d 2001:db8:1::1 --dport 53 -j KUBE-SVC-TFVFYW6MDNBIAQUV
    -A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL ! -d ::1/128 -j KUBE-NODEPORTS
    -A KUBE-SVC-TFVFYW6MDNBIAQUV -m comment --comment "lab/web:http cluster IP" -m udp -p udp -d 2001:db8:1::1 --dport 53 ! -i cni0 -j KUBE-MARK-MASQ
    -A KUBE-SVC-TFVFYW6MDNBIAQUV -m comment --comment "lab/web:http -> [2001:db8::5]:53" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-BSVH5RDUA2HBBACA
    -A KUBE-SVC-TFVFYW6MDNBIAQUV -m comment --comment "lab/web:http -> [2001:db8::6]:53" -j KUBE-SEP-BIE2RVOMHMDUMDPO
    -A KUBE-SEP-BSVH5RDUA2HBBACA -m comment --comment lab/web:http -s 2001:db8::5 -j KUBE-MARK-MASQ
    -A KUBE-SEP-BSVH5RDUA2HBBACA -m comment --comment lab/web:http -m udp -p udp -j DNAT --to-destination [2001:db8::5]:53
    -A KUBE-SEP-BIE2RVOMHMDUMDPO -m comment --comment lab/web:http -s 2001:db8::6 -j KUBE-MARK-MASQ
    -A KUBE-SEP-BIE2RVOMHMDUMDPO -m comment --comment lab/web:http -m udp -p udp -j DNAT --to-destination [2001:db8::6]:53"
  `);
});

const toNodePorts =
  '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"';

test.each([
  ['all addresses', {}, ['-m addrtype --dst-type LOCAL ! -d 127.0.0.0/8']],
  ['all addresses by a CIDR', { nodePortCidrs: ['0.0.0.0/0'] }, ['-m addrtype --dst-type LOCAL ! -d 127.0.0.0/8']],
  ['and localhost', { localhostNodePorts: true }, ['-m addrtype --dst-type LOCAL']],
  [
    'some addresses',
    { nodePortCidrs: ['198.51.100.0/24', '127.0.0.0/8'], nodeIps: ['198.51.100.1', '127.0.0.1'] },
    ['-d 198.51.100.1'],
  ],
  [
    'some addresses and localhost',
    { nodePortCidrs: ['127.0.0.0/8'], nodeIps: ['127.0.0.1'], localhostNodePorts: true },
    ['-d 127.0.0.1'],
  ],
  ['no address', { nodePortCidrs: ['198.51.100.0/24'], nodeIps: [] }, []],
  ['all of IPv6', SETTINGS_6, ['-m addrtype --dst-type LOCAL ! -d ::1/128']],
  [
    'IPv6 has none on localhost',
    { ...SETTINGS_6, localhostNodePorts: true },
    ['-m addrtype --dst-type LOCAL ! -d ::1/128'],
  ],
])('node ports on %s', (_, settings, matches) => {
  const lines = render(planOf([], settings)).split('\n');
  expect(lines.filter((line) => line.endsWith('-j KUBE-NODEPORTS'))).toEqual(
    matches.map((match) => `${toNodePorts} ${match} -j KUBE-NODEPORTS`),
  );
});

const clusterIp = '-m comment --comment "lab/web:http cluster IP" -m tcp -p tcp -d 192.0.2.10 --dport 80';

test.each([
  ['everything', { masqueradeAll: true }, [`${clusterIp} -j KUBE-MARK-MASQ`]],
  [
    'what is not of the cluster',
    { localDetector: { mode: 'NodeCIDR', cidr: '203.0.113.0/25' } as const },
    [`${clusterIp} ! -s 203.0.113.0/25 -j KUBE-MARK-MASQ`],
  ],
  [
    'what is not of the bridge',
    { localDetector: { mode: 'BridgeInterface', bridge: 'cni0' } as const },
    [`${clusterIp} ! -i cni0 -j KUBE-MARK-MASQ`],
  ],
  [
    'what is not of the links',
    { localDetector: { mode: 'InterfaceNamePrefix', prefix: 'veth' } as const },
    [`${clusterIp} ! -i veth+ -j KUBE-MARK-MASQ`],
  ],
  ['nothing', { localDetector: { mode: 'None' } as const }, []],
])('to the cluster IP %s is masqueraded', (_, settings, matches) => {
  const lines = rulesOf(planOf([port([LOCAL])], settings)).split('\n');
  const found = lines.filter((line) => line.startsWith('-A KUBE-SVC-') && line.endsWith('-j KUBE-MARK-MASQ'));
  expect(found.map((line) => line.replace(/^-A \S+ /, ''))).toEqual(matches);
});

test('the shares of endpoints are equal', () => {
  const services = [port([1, 2, 3, 4].map((host) => endpoint(`203.0.113.${host}`)))];
  const found = [...rulesOf(planOf(services)).matchAll(/--probability (\S+)/g)].map(([, share]) => share);
  expect(found).toEqual(['0.2500000000', '0.3333333333', '0.5000000000']);
});

test('a large cluster has no comments for endpoints', () => {
  const { rules } = renderOwnChains(port([LOCAL, REMOTE]), { settings: SETTINGS, isLarge: true });
  expect(
    rules()
      .split('\n')
      .filter((line) => line.includes('--comment')),
  ).toHaveLength(1);
});

test.each([
  { services: 1, endpoints: 1, rules: 4 },
  { services: 10, endpoints: 5, rules: 10 * (1 + 1 + 5 + 10) },
  { services: 100, endpoints: 3, rules: 100 * (1 + 1 + 3 + 6) },
])('$services ports with $endpoints endpoints are $rules rules', ({ services, endpoints, rules }) => {
  expect(rulesOf(planOf(manyPorts(services, endpoints))).split('\n')).toHaveLength(services === 1 ? rules + 1 : rules);
});

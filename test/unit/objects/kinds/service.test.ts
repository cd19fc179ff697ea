import { describe, expect, test } from 'vitest';
import { load, told } from '../helpers.ts';
import { manifest, only } from './helpers.ts';

const service = (spec: string, metadata?: string): string => manifest('Service', `spec: {${spec}}`, metadata);
const PORT = 'ports: [{port: 80}]';

describe('a Service', () => {
  test.each<[string, string, object]>([
    [
      'of cluster addresses',
      `${PORT}, selector: {app: web}`,
      {
        type: 'ClusterIP',
        ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
        selector: { app: 'web' },
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
      },
    ],
    [
      'with names, protocols and node ports',
      'type: NodePort, clusterIP: 198.51.100.1, ports: [{name: a, port: 53, protocol: UDP, targetPort: dns, nodePort: 30053}, {name: b, port: 53}]',
      {
        type: 'NodePort',
        clusterIP: '198.51.100.1',
        clusterIPs: ['198.51.100.1'],
        ports: [
          { name: 'a', port: 53, protocol: 'UDP', targetPort: 'dns', nodePort: 30053 },
          { name: 'b', port: 53, protocol: 'TCP', targetPort: 53 },
        ],
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        externalTrafficPolicy: 'Cluster',
      },
    ],
    [
      'without an address, and fields that nobody knows',
      'clusterIP: None, trafficDistribution: PreferClose, sessionAffinity: None, sessionAffinityConfig: {}',
      {
        type: 'ClusterIP',
        clusterIP: 'None',
        clusterIPs: ['None'],
        trafficDistribution: 'PreferClose',
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
      },
    ],
    [
      'with clients that stay',
      `${PORT}, sessionAffinity: ClientIP`,
      {
        type: 'ClusterIP',
        ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } },
        internalTrafficPolicy: 'Cluster',
      },
    ],
    [
      'that is a name',
      'type: ExternalName, externalName: db.example.com.',
      { type: 'ExternalName', externalName: 'db.example.com.', sessionAffinity: 'None' },
    ],
    [
      'of both families at external addresses',
      `clusterIP: 198.51.100.1, clusterIPs: [198.51.100.1, "2001:db8::1"], ipFamilies: [IPv4, IPv6], ipFamilyPolicy: RequireDualStack, externalIPs: [203.0.113.1], ${PORT}`,
      {
        type: 'ClusterIP',
        clusterIP: '198.51.100.1',
        clusterIPs: ['198.51.100.1', '2001:db8::1'],
        ipFamilies: ['IPv4', 'IPv6'],
        ipFamilyPolicy: 'RequireDualStack',
        externalIPs: ['203.0.113.1'],
        ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        externalTrafficPolicy: 'Cluster',
      },
    ],
    [
      'of a load balancer',
      `type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 30100, loadBalancerSourceRanges: [" 203.0.113.0/24"], loadBalancerClass: a.b/c, trafficDistribution: PreferSameNode, ${PORT}`,
      {
        type: 'LoadBalancer',
        allocateLoadBalancerNodePorts: true,
        healthCheckNodePort: 30_100,
        loadBalancerSourceRanges: [' 203.0.113.0/24'],
        loadBalancerClass: 'a.b/c',
        trafficDistribution: 'PreferSameNode',
        ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        externalTrafficPolicy: 'Local',
      },
    ],
  ])('%s', (_what, spec, expected) => {
    expect([told(service(spec)), only('Service', service(spec))?.spec]).toEqual([[], expected]);
  });

  const name = (value: string): string => service(PORT, `{name: ${value}}`);
  const ports = (...list: readonly string[]): string => service(`ports: [${list.join(', ')}]`);
  const NAME =
    "must be an RFC 1035 label: at most 63 of a-z, 0-9 and '-', beginning with a letter and ending with a letter or digit";
  test.each([
    [name('1a'), [`3 metadata.name Invalid value: "1a": ${NAME}`]],
    [name('a.b'), [`3 metadata.name Invalid value: "a.b": ${NAME}`]],
    [service(''), ['4 spec.ports Required value']],
    [ports('{port: 0}'), ['4 spec.ports[0].port Invalid value: 0: must be between 1 and 65535, inclusive']],
    [ports('{}'), ['4 spec.ports[0].port Required value']],
    [ports('{port: 1}', '{port: 2, name: b}'), ['4 spec.ports[0].name Required value']],
    [ports('{port: 1, name: b}', '{port: 2, name: b}'), ['4 spec.ports[1].name Duplicate value: "b"']],
    [ports('{port: 1, name: a}', '{port: 1, name: b}'), ['4 spec.ports[1].port Duplicate value: 1']],
    [ports('{port: 1, name: a}', '{port: 1, name: b, protocol: UDP}'), []],
    [
      ports('{port: 1, protocol: HTTP}'),
      ['4 spec.ports[0].protocol Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"'],
    ],
    [
      ports('{port: 1, targetPort: 70000}'),
      ['4 spec.ports[0].targetPort Invalid value: 70000: must be between 1 and 65535, inclusive'],
    ],
    [
      ports('{port: 1, targetPort: [a]}'),
      ['4 spec.ports[0].targetPort Invalid value: ["a"]: must be a port number or the name of a port'],
    ],
    [
      ports('{port: 1, nodePort: 30000}'),
      ["4 spec.ports[0].nodePort Forbidden: may not be used when `type` is 'ClusterIP'"],
    ],
    [
      service(`type: NodePort, clusterIP: None, ${PORT}`),
      ['4 spec.clusterIP Invalid value: "None": may not be set to \'None\' for NodePort services'],
    ],
    [
      service(`clusterIP: 1.2.3, ${PORT}`),
      [`4 spec.clusterIP Invalid value: "1.2.3": must be empty, 'None' or an IP address`],
    ],
    [
      service(`clusterIP: 198.51.100.1, clusterIPs: [198.51.100.2], ${PORT}`),
      ['4 spec.clusterIPs Invalid value: ["198.51.100.2"]: first value must match `clusterIP`'],
    ],
    [
      service(`clusterIPs: [198.51.100.1], ${PORT}`),
      ['4 spec.clusterIPs Invalid value: ["198.51.100.1"]: needs `clusterIP` as well'],
    ],
    [
      service(`clusterIP: 198.51.100.1, clusterIPs: [198.51.100.1, 198.51.100.2], ${PORT}`),
      ['4 spec.clusterIPs[1] Invalid value: "198.51.100.2": must be of another family than the first address'],
    ],
    [
      service(`clusterIP: 198.51.100.1, ipFamilies: [IPv6], ${PORT}`),
      ['4 spec.clusterIPs[0] Invalid value: "198.51.100.1": must be an IPv6 address, as ipFamilies[0] has it'],
    ],
    [
      service(`clusterIP: None, clusterIPs: [None, 198.51.100.1], ${PORT}`),
      [`4 spec.clusterIPs Invalid value: ["None","198.51.100.1"]: 'None' must be the only value`],
    ],
    [
      service(`ipFamilies: [IPv4, IPv4, IPv5], ipFamilyPolicy: Single, ${PORT}`),
      [
        '4 spec.ipFamilies[2] Unsupported value: "IPv5": supported values: "IPv4", "IPv6"',
        '4 spec.ipFamilies[1] Duplicate value: "IPv4"',
        '4 spec.ipFamilyPolicy Unsupported value: "Single": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
      ],
    ],
    [
      service(`ipFamilies: [IPv4, IPv6], ipFamilyPolicy: SingleStack, ${PORT}`),
      [
        `4 spec.ipFamilies Invalid value: ["IPv4","IPv6"]: must have one value when \`ipFamilyPolicy\` is 'SingleStack'`,
      ],
    ],
    [
      service('type: ExternalName, externalName: a.b, clusterIP: 198.51.100.1, ipFamilies: [IPv4]'),
      [
        '4 spec.clusterIP Forbidden: may not be set for ExternalName services',
        '4 spec.ipFamilies Forbidden: may not be set for ExternalName services',
      ],
    ],
    [
      service(`externalTrafficPolicy: Local, ${PORT}`),
      [
        '4 spec.externalTrafficPolicy Invalid value: "Local": may only be set for NodePort and LoadBalancer services, and those with externalIPs',
      ],
    ],
    [
      service(`loadBalancerSourceRanges: [a], loadBalancerClass: c, allocateLoadBalancerNodePorts: false, ${PORT}`),
      [
        "4 spec.loadBalancerSourceRanges Forbidden: may only be used when `type` is 'LoadBalancer'",
        "4 spec.loadBalancerClass Forbidden: may only be used when `type` is 'LoadBalancer'",
        "4 spec.allocateLoadBalancerNodePorts Forbidden: may only be used when `type` is 'LoadBalancer'",
        '4 spec.loadBalancerSourceRanges[0] Invalid value: "a": must be a CIDR such as 203.0.113.0/24',
      ],
    ],
    [
      service(`type: LoadBalancer, healthCheckNodePort: 70000, ${PORT}`),
      [
        '4 spec.healthCheckNodePort Invalid value: 70000: must be between 1 and 65535, inclusive',
        "4 spec.healthCheckNodePort Invalid value: 70000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      ],
    ],
    [
      service(`trafficDistribution: Near, sessionAffinityConfig: {clientIP: {timeoutSeconds: 1}}, ${PORT}`),
      [
        "4 spec.sessionAffinityConfig Forbidden: may not be set when `sessionAffinity` is 'None'",
        '4 spec.trafficDistribution Unsupported value: "Near": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
      ],
    ],
    [
      service(`externalIPs: [127.0.0.1], ${PORT}`),
      ['4 spec.externalIPs[0] Invalid value: "127.0.0.1": may not be loopback'],
    ],
    [
      ports('{port: 1, appProtocol: a/b/c}'),
      [
        `4 spec.ports[0].appProtocol Invalid value: "a/b/c": must be a name of at most 63 of letters, digits, '-', '_' and '.', with a letter or digit at both ends, and may have a DNS subdomain and '/' before it`,
      ],
    ],
    [
      `${service(PORT)}status: {loadBalancer: {ingress: [{ip: 203.0.113.1}]}}`,
      ["5 status.loadBalancer.ingress Forbidden: may only be used when `spec.type` is 'LoadBalancer'"],
    ],
    [
      `${service(`type: LoadBalancer, ${PORT}`)}status: {loadBalancer: {ingress: [{ip: a}, {}, {hostname: a.b, ipMode: VIP}, {ip: 203.0.113.1, ipMode: Route}]}}`,
      [
        '5 status.loadBalancer.ingress[0].ip Invalid value: "a": must be a valid IP address',
        '5 status.loadBalancer.ingress[1] Required value: must have `ip` or `hostname`',
        '5 status.loadBalancer.ingress[2].ipMode Forbidden: may only be set with `ip`',
        '5 status.loadBalancer.ingress[3].ipMode Unsupported value: "Route": supported values: "Proxy", "VIP"',
      ],
    ],
    [service('type: ExternalName'), ['4 spec.externalName Required value']],
    [
      service(`type: Internal, ${PORT}`),
      [
        '4 spec.type Unsupported value: "Internal": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
      ],
    ],
    [
      service(`externalIPs: [a], internalTrafficPolicy: Node, ${PORT}`),
      [
        '4 spec.externalIPs[0] Invalid value: "a": must be an IP address',
        '4 spec.internalTrafficPolicy Unsupported value: "Node": supported values: "Cluster", "Local"',
      ],
    ],
    [
      service(`sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}, ${PORT}`),
      [
        '4 spec.sessionAffinityConfig.clientIP.timeoutSeconds Invalid value: 0: must be greater than 0 and at most 86400',
      ],
    ],
  ])('%j is checked', (text, expected) => {
    expect([told(text), load(text).objects.length]).toEqual([expected, expected.length === 0 ? 1 : 0]);
  });

  test('keeps where its load balancer is', () => {
    const text = `${service(`type: LoadBalancer, ${PORT}`)}status: {loadBalancer: {ingress: [{ip: 203.0.113.1}, {ip: 203.0.113.2, ipMode: Proxy}, {hostname: a.b}]}}`;
    expect([told(text), only('Service', text)?.status]).toEqual([
      [],
      {
        loadBalancer: {
          ingress: [{ ip: '203.0.113.1', ipMode: 'VIP' }, { ip: '203.0.113.2', ipMode: 'Proxy' }, { hostname: 'a.b' }],
        },
      },
    ]);
  });
});

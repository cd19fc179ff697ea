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
});

import { expect, test } from 'vitest';
import { endpointChain, namesOf } from '../../../../proxy/iptables/names.ts';
import type { Protocol } from '../../../../proxy/types.ts';
import { endpoint, port } from './plans.ts';

function named(namespace: string, name: string, portName: string, protocol: Protocol = 'TCP') {
  return namesOf({ ...port([]), name: { namespace, name, port: portName }, protocol });
}

// Names that nodes with kube-proxy show; those of ns1 and ns2 are in kube-proxy's own tests.
test.each([
  ['default', 'kubernetes', 'https', 'TCP', 'NPX46M4PTMTKRN6Y'],
  ['kube-system', 'kube-dns', 'dns', 'UDP', 'TCOU7JCQXEZGVUNU'],
  ['kube-system', 'kube-dns', 'dns-tcp', 'TCP', 'ERIFXISQEP7F7OF4'],
  ['ns1', 'svc1', 'p80', 'TCP', 'XPGD46QRK7WJZT7O'],
  ['ns2', 'svc2', 'p80', 'TCP', 'GNZBNJ2PO5MGZ6GT'],
] as const)('%s/%s:%s %s has the hash %s', (namespace, name, portName, protocol, id) => {
  expect(named(namespace, name, portName, protocol)).toEqual({
    port: `${namespace}/${name}:${portName}`,
    protocol: protocol.toLowerCase(),
    cluster: `KUBE-SVC-${id}`,
    local: `KUBE-SVL-${id}`,
    external: `KUBE-EXT-${id}`,
    firewall: `KUBE-FW-${id}`,
  });
});

test('the chain of an endpoint is of its port and its address', () => {
  const names = named('ns1', 'svc1', 'p80');
  expect(endpointChain(names, endpoint('10.180.0.1', { port: 80 }))).toBe('KUBE-SEP-SXIVWICOYRO3J4NJ');
  expect(endpointChain(names, endpoint('10.180.0.2', { port: 80 }))).not.toBe('KUBE-SEP-SXIVWICOYRO3J4NJ');
});

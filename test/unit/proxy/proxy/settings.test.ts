import { expect, test } from 'vitest';
import type { ProxyMode } from '../../../../proxy/mode.ts';
import { planSettings, type ProxyConfig } from '../../../../proxy/proxy-settings.ts';
import type { Family, ProxySettings } from '../../../../proxy/types.ts';

const CONFIG: ProxyConfig = {
  detectLocalMode: 'ClusterCIDR',
  clusterCidrs: [],
  podCidrs: ['198.51.100.0/26'],
  bridgeInterface: '',
  interfaceNamePrefix: '',
  masqueradeAll: false,
  masqueradeBit: 14,
  nodePortAddresses: [],
  localhostNodePorts: false,
};

const ADDRESSES = {
  primary: ['203.0.113.7', '2001:db8::7'],
  all: ['127.0.0.1', '203.0.113.7', '203.0.113.99', '::1', '2001:db8::7', 'fe80::1'],
};

const FOUR: ProxySettings = {
  family: 4,
  localDetector: { mode: 'None' },
  masqueradeAll: false,
  masqueradeBit: 14,
  nodePortCidrs: undefined,
  nodeIps: ['203.0.113.7', '203.0.113.99'],
  localhostNodePorts: false,
};

type Case = [string, Family, Partial<ProxyConfig>, ProxyMode, Partial<ProxySettings>];

test.each<Case>([
  ['all addresses by default', 4, {}, 'iptables', FOUR],
  ['all of IPv6', 6, {}, 'iptables', { family: 6, nodeIps: ['2001:db8::7'] }],
  [
    'the cluster CIDR of the family',
    6,
    { clusterCidrs: ['192.0.2.0/24', '2001:db8:1::/64'] },
    'iptables',
    { localDetector: { mode: 'ClusterCIDR', cidr: '2001:db8:1::/64' } },
  ],
  [
    'the pod CIDR of the node',
    4,
    { detectLocalMode: 'NodeCIDR' },
    'iptables',
    { localDetector: { mode: 'NodeCIDR', cidr: '198.51.100.0/26' } },
  ],
  [
    'the bridge',
    4,
    { detectLocalMode: 'BridgeInterface', bridgeInterface: 'cni0' },
    'iptables',
    { localDetector: { mode: 'BridgeInterface', bridge: 'cni0' } },
  ],
  [
    'the prefix of interfaces',
    4,
    { detectLocalMode: 'InterfaceNamePrefix', interfaceNamePrefix: 'veth' },
    'iptables',
    { localDetector: { mode: 'InterfaceNamePrefix', prefix: 'veth' } },
  ],
  [
    'a mode without what it needs',
    4,
    { detectLocalMode: 'BridgeInterface' },
    'iptables',
    { localDetector: { mode: 'None' } },
  ],
  [
    'the primary address only',
    4,
    { nodePortAddresses: ['primary'] },
    'iptables',
    { nodePortCidrs: ['203.0.113.7/32'], nodeIps: ['203.0.113.7'] },
  ],
  [
    'the primary address of IPv6',
    6,
    { nodePortAddresses: ['primary'] },
    'iptables',
    { nodePortCidrs: ['2001:db8::7/128'], nodeIps: ['2001:db8::7'] },
  ],
  [
    'addresses of a network',
    4,
    { nodePortAddresses: ['203.0.113.96/28'] },
    'iptables',
    { nodePortCidrs: ['203.0.113.96/28'], nodeIps: ['203.0.113.99'] },
  ],
  [
    'a list without the family',
    6,
    { nodePortAddresses: ['203.0.113.96/28'] },
    'iptables',
    { nodePortCidrs: undefined, nodeIps: ['2001:db8::7'] },
  ],
  ['a network of all', 4, { nodePortAddresses: ['0.0.0.0/0'] }, 'iptables', { nodePortCidrs: undefined }],
  ['the loopback where asked', 4, { localhostNodePorts: true }, 'iptables', { localhostNodePorts: true }],
  ['no loopback over IPv6', 6, { localhostNodePorts: true }, 'iptables', { localhostNodePorts: false }],
  ['no loopback by nftables', 4, { localhostNodePorts: true }, 'nftables', { localhostNodePorts: false }],
  [
    'no loopback when node ports are elsewhere',
    4,
    { localhostNodePorts: true, nodePortAddresses: ['primary'] },
    'iptables',
    { localhostNodePorts: false },
  ],
])('%s', (_what, family, config, mode, expected) => {
  expect(planSettings(family, { ...CONFIG, ...config }, ADDRESSES, mode)).toMatchObject(expected);
});

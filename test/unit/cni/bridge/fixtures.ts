import type { PluginRequest } from '../../../../cni/plugin.ts';
import type { PluginConfig } from '../../../../cni/spec/types.ts';

export const dualRanges = [[{ subnet: '203.0.113.0/24' }], [{ subnet: '2001:db8:1::/64' }]];

export function bridgeConfig(more: Record<string, unknown> = {}): PluginConfig {
  return { type: 'bridge', isDefaultGateway: true, ipam: { type: 'host-local', ranges: dualRanges }, ...more };
}

export function pluginRequest(more: Partial<PluginRequest> = {}): PluginRequest {
  return {
    cniVersion: '1.1.0',
    network: 'net',
    config: bridgeConfig(),
    containerId: 'c1',
    netns: '/proc/42/ns/net',
    ifName: 'eth0',
    pod: { name: 'web', namespace: 'default', uid: 'u1' },
    portMappings: [],
    prevResult: undefined,
    ...more,
  };
}

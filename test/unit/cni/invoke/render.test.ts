import { describe, expect, test } from 'vitest';
import { renderConfig, renderEnvironment, renderGcConfig } from '../../../../cni/invoke/render.ts';
import { pluginRequest } from '../bridge/fixtures.ts';

describe('what a plugin is given', () => {
  test('environment', () => {
    expect(renderEnvironment('ADD', pluginRequest(), ['/opt/cni/bin', '/usr/lib/cni'])).toEqual({
      CNI_COMMAND: 'ADD',
      CNI_PATH: '/opt/cni/bin:/usr/lib/cni',
      CNI_CONTAINERID: 'c1',
      CNI_IFNAME: 'eth0',
      CNI_NETNS: '/proc/42/ns/net',
      CNI_ARGS:
        'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=u1',
    });
    expect(renderEnvironment('DEL', pluginRequest({ netns: undefined }), [])['CNI_NETNS']).toBe('');
    expect(renderEnvironment('GC', undefined, ['/a'])).toEqual({ CNI_COMMAND: 'GC', CNI_PATH: '/a' });
  });

  test('configuration: capabilities become runtimeConfig, where there is something to say', () => {
    const config = { type: 'portmap', capabilities: { portMappings: true }, snat: true };
    const ports = [
      { protocol: 'TCP', containerPort: 80, hostPort: 8080, hostIp: '' },
      { protocol: 'UDP', containerPort: 53, hostPort: 53, hostIp: '198.51.100.1' },
    ] as const;
    const prevResult = { cniVersion: '0.4.0', ips: [{ address: '203.0.113.2/24' }] };
    const request = pluginRequest({ config, cniVersion: '1.0.0', portMappings: ports, prevResult });
    expect(JSON.parse(renderConfig(request))).toEqual({
      type: 'portmap',
      snat: true,
      cniVersion: '1.0.0',
      name: 'net',
      runtimeConfig: {
        portMappings: [
          { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
          { hostPort: 53, containerPort: 53, protocol: 'udp', hostIP: '198.51.100.1' },
        ],
      },
      prevResult: { cniVersion: '1.0.0', ips: [{ address: '203.0.113.2/24' }] },
    });
    expect(JSON.parse(renderConfig(pluginRequest({ config, cniVersion: '1.0.0' })))).toEqual({
      type: 'portmap',
      snat: true,
      cniVersion: '1.0.0',
      name: 'net',
    });
  });

  test('configuration of a GC', () => {
    const valid = [{ containerID: 'c1', ifname: 'eth0' }];
    expect(JSON.parse(renderGcConfig({ type: 'x', capabilities: { a: true } }, '1.1.0', 'net', valid))).toEqual({
      type: 'x',
      cniVersion: '1.1.0',
      name: 'net',
      'cni.dev/valid-attachments': valid,
    });
  });
});

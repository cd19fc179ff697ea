import { describe, expect, test } from 'vitest';
import { podCgroupParent, podCgroupPath } from '../../../agent/cgroups/names.ts';
import type { Pod } from '../../../agent/objects/types.ts';
import { renderContainerConfig, renderSandboxConfig } from '../../../agent/pods/render.ts';
import { linuxResources, oomScoreAdj } from '../../../agent/pods/resources.ts';
import type { PodSandboxConfig } from '../../../agent/runtime/types.ts';
import { containerSecurity, sandboxSecurity } from '../../../agent/security/index.ts';
import { container, pod } from './fixtures.ts';

const cgroups = { driver: 'cgroupfs', root: '' } as const;

const renderSandbox = (desired: Pod, attempt = 0): PodSandboxConfig =>
  renderSandboxConfig(desired, {
    attempt,
    image: 'pause:1',
    hostname: 'web-node',
    cgroups,
    security: sandboxSecurity(desired),
  });

describe('sandbox', () => {
  test('names, host ports, cgroup and what a daemon needs to end it', () => {
    const ports = [
      { containerPort: 80, hostPort: 8080, protocol: 'TCP' as const },
      { containerPort: 53, hostPort: 53, protocol: 'UDP' as const, hostIP: '127.0.0.1' },
      { containerPort: 9, protocol: 'TCP' as const },
    ];
    const config = renderSandbox(pod({ containers: [container('app', { ports })] }), 2);
    expect(config).toMatchObject({
      pod: { name: 'web-node', namespace: 'default', uid: 'u1' },
      attempt: 2,
      image: 'pause:1',
      hostname: 'web-node',
      cgroupParent: '/kubepods/besteffort/podu1',
      portMappings: [
        { protocol: 'TCP', containerPort: 80, hostPort: 8080, hostIp: '' },
        { protocol: 'UDP', containerPort: 53, hostPort: 53, hostIp: '127.0.0.1' },
      ],
    });
    expect(config.annotations).toMatchObject({
      'io.kubernetes.pod.terminationGracePeriod': '30',
      'podwright.dev/qos-class': 'BestEffort',
      'kubernetes.io/config.hash': 'h1',
    });
  });

  test('a pod on the host network maps no ports', () => {
    const ports = [{ containerPort: 80, hostPort: 80, protocol: 'TCP' as const }];
    const desired = pod({ hostNetwork: true, containers: [container('app', { ports })] });
    expect(renderSandbox(desired).portMappings).toEqual([]);
  });
});

describe('container', () => {
  test('gets expanded command and variables, restart count and hash', () => {
    const spec = container('app', {
      command: ['run', '$(NAME)'],
      args: ['$$(NAME)'],
      workingDir: '/tmp',
    });
    const config = renderContainerConfig(pod(), spec, {
      attempt: 3,
      imageId: 'sha256:1',
      targetId: undefined,
      env: new Map([['NAME', 'x']]),
      mounts: [],
      cgroups,
      security: containerSecurity(pod(), spec, { seccompDefault: false, seccompProfile: () => '', imageUser: '' }),
      resources: linuxResources(spec),
      memoryCapacity: 1e9,
    });
    expect(config).toMatchObject({
      attempt: 3,
      image: 'sha256:1',
      command: ['run', 'x'],
      args: ['$(NAME)'],
      env: ['NAME=x'],
      workingDir: '/tmp',
      oomScoreAdj: 1000,
    });
    expect(config.annotations).toMatchObject({ 'io.kubernetes.container.restartCount': '3' });
  });

  test.each([
    [{}, { cpuShares: 2, cpuPeriod: 0, cpuQuota: 0, memoryLimit: 0 }],
    [{ requests: { cpu: '100m' } }, { cpuShares: 102, cpuPeriod: 0, cpuQuota: 0, memoryLimit: 0 }],
    [
      { limits: { cpu: '1500m', memory: '1Gi' } },
      { cpuShares: 1536, cpuPeriod: 100_000, cpuQuota: 150_000, memoryLimit: 1024 ** 3 },
    ],
    [{ limits: { cpu: '1m' } }, { cpuShares: 2, cpuPeriod: 100_000, cpuQuota: 1_000, memoryLimit: 0 }],
    [{ requests: { cpu: '1000' } }, { cpuShares: 262_144, cpuPeriod: 0, cpuQuota: 0, memoryLimit: 0 }],
  ])('resources %j', (resources, expected) => {
    expect(linuxResources(container('app', { resources }))).toEqual(expected);
  });

  test.each([
    ['Guaranteed', {}, -997],
    ['BestEffort', {}, 1000],
    ['Burstable', { requests: { memory: '4Gi' } }, 500],
    ['Burstable', { requests: { memory: '1Ki' } }, 999],
    ['Burstable', { requests: { memory: '9Gi' } }, 3],
  ] as const)('oom_score_adj of %s with %j of 8 GiB: %d', (qos, resources, score) => {
    expect(oomScoreAdj(pod(), container('app', { resources }), qos, 8 * 1024 ** 3)).toBe(score);
  });
});

describe('cgroups', () => {
  test.each([
    ['cgroupfs', '', 'Burstable', '/kubepods/burstable/poda-b', 'kubepods/burstable/poda-b'],
    ['cgroupfs', '/x', 'Guaranteed', '/x/kubepods/poda-b', 'x/kubepods/poda-b'],
    [
      'systemd',
      '',
      'BestEffort',
      'kubepods-besteffort-poda_b.slice',
      'kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-poda_b.slice',
    ],
  ] as const)('%s %s %s', (driver, root, qos, parent, path) => {
    expect(podCgroupParent({ driver, root }, qos, 'a-b')).toBe(parent);
    expect(podCgroupPath({ driver, root }, qos, 'a-b')).toBe(path);
  });
});

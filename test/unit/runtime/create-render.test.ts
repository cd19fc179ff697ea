import { describe, expect, test } from 'vitest';
import { renderContainer, renderSandbox } from '../../../agent/runtime/docker/create-render.ts';
import { renderSecurity } from '../../../agent/runtime/docker/security-render.ts';
import { decodeResources, renderUpdate } from '../../../agent/runtime/docker/update-render.ts';
import type { ContainerConfig, ContainerSecurity, Mount, PodSandboxConfig } from '../../../agent/runtime/types.ts';

const pod = { name: 'web-node', namespace: 'default', uid: 'u1' };
const defaults = { logMaxSizeBytes: 10, logMaxFiles: 5, minOomScoreAdj: 0 };
const namespaces = { hostNetwork: false, hostPid: false, hostIpc: false, shareProcessNamespace: false };

const sandbox: PodSandboxConfig = {
  pod,
  attempt: 1,
  image: 'pause:1',
  hostname: 'web',
  labels: { app: 'web' },
  annotations: { a: 'b' },
  namespaces,
  portMappings: [],
  cgroupParent: '/kubepods/podu1',
  sysctls: { 'net.ipv4.tcp_syncookies': '1' },
  security: {
    privileged: false,
    seccomp: { type: 'RuntimeDefault' },
    selinuxLabels: [],
    runAsUser: undefined,
    runAsGroup: undefined,
  },
};

const plain: ContainerSecurity = {
  user: undefined,
  supplementalGroups: [],
  privileged: false,
  noNewPrivileges: false,
  readOnlyRootFilesystem: false,
  capabilitiesToAdd: [],
  capabilitiesToDrop: [],
  seccomp: { type: 'Unconfined' },
  apparmorProfile: undefined,
  selinuxLabels: [],
  maskedPaths: undefined,
  readonlyPaths: undefined,
};

const container: ContainerConfig = {
  pod,
  name: 'app',
  attempt: 2,
  image: 'sha256:1',
  command: ['run'],
  args: undefined,
  workingDir: undefined,
  env: ['A=1'],
  mounts: [],
  labels: {},
  annotations: {},
  namespaces,
  resources: { cpuShares: 2, cpuQuota: 0, cpuPeriod: 0, memoryLimit: 5 },
  cgroupParent: undefined,
  oomScoreAdj: -997,
  stdin: false,
  stdinOnce: false,
  tty: false,
  stopSignal: undefined,
  security: plain,
};

const identityLabels = {
  'io.kubernetes.pod.name': 'web-node',
  'io.kubernetes.pod.namespace': 'default',
  'io.kubernetes.pod.uid': 'u1',
};

describe('sandbox', () => {
  test('on the pod network, with the sysctls of the network and of the pod', () => {
    expect(renderSandbox(sandbox, { 'net.ipv4.conf.default.arp_notify': '1' }, defaults)).toEqual({
      name: 'k8s_POD_web-node_default_u1_1',
      Image: 'pause:1',
      Hostname: 'web',
      NetworkDisabled: true,
      Labels: {
        app: 'web',
        'annotation.a': 'b',
        ...identityLabels,
        'io.kubernetes.container.name': 'POD',
        'io.kubernetes.docker.type': 'podsandbox',
      },
      HostConfig: {
        NetworkMode: 'none',
        Sysctls: { 'net.ipv4.conf.default.arp_notify': '1', 'net.ipv4.tcp_syncookies': '1' },
        IpcMode: 'shareable',
        PidMode: '',
        CpuShares: 2,
        OomScoreAdj: 0,
        LogConfig: { Type: 'none', Config: {} },
        ReadonlyRootfs: true,
        SecurityOpt: ['no-new-privileges'],
        CgroupParent: '/kubepods/podu1',
      },
    });
  });

  test('on the host network has no hostname, and none of the sysctls of the pod network', () => {
    const onHost = { ...sandbox, namespaces: { ...namespaces, hostNetwork: true } };
    const body = renderSandbox({ ...onHost, sysctls: {} }, { a: '1' }, defaults);
    expect(body.HostConfig).toMatchObject({ NetworkMode: 'host', UTSMode: 'host' });
    expect(body).not.toHaveProperty('Hostname');
    expect(body).not.toHaveProperty('NetworkDisabled');
    expect(body.HostConfig).not.toHaveProperty('Sysctls');
    const withSysctls = renderSandbox({ ...onHost, sysctls: { 'kernel.sem': '1' } }, { a: '1' }, defaults);
    expect(withSysctls.HostConfig?.Sysctls).toEqual({ 'kernel.sem': '1' });
  });

  test.each([
    [1000, undefined, '1000'],
    [1000, 2000, '1000:2000'],
    [undefined, 2000, '0:2000'],
    [undefined, undefined, undefined],
  ])('user %s and group %s: %s', (runAsUser, runAsGroup, user) => {
    const security = { ...sandbox.security, runAsUser, runAsGroup };
    expect(renderSandbox({ ...sandbox, security }, {}, defaults).User).toBe(user);
  });

  test('is not privileged for a pod that is; keeps seccomp and SELinux options', () => {
    const security = { ...sandbox.security, privileged: true, selinuxLabels: ['level:s0:c1,c2'] };
    const { HostConfig } = renderSandbox({ ...sandbox, security }, {}, defaults);
    expect(HostConfig?.SecurityOpt).toEqual(['no-new-privileges', 'label=level:s0:c1,c2']);
    expect(HostConfig).not.toHaveProperty('Privileged');
  });
});

describe('container', () => {
  test('in the namespaces of its sandbox; whatever has a default in the image is left to it', () => {
    expect(renderContainer('s1', container, '/log', defaults)).toEqual({
      name: 'k8s_app_web-node_default_u1_2',
      Image: 'sha256:1',
      Entrypoint: ['run'],
      Env: ['A=1'],
      Labels: {
        ...identityLabels,
        'io.kubernetes.container.name': 'app',
        'io.kubernetes.docker.type': 'container',
        'io.kubernetes.sandbox.id': 's1',
        'io.kubernetes.container.logpath': '/log',
      },
      OpenStdin: false,
      StdinOnce: false,
      Tty: false,
      Healthcheck: { Test: ['NONE'] },
      HostConfig: {
        NetworkMode: 'container:s1',
        IpcMode: 'container:s1',
        PidMode: '',
        Privileged: false,
        ReadonlyRootfs: false,
        GroupAdd: [],
        CapAdd: [],
        CapDrop: [],
        SecurityOpt: ['seccomp=unconfined'],
        Mounts: [],
        CpuShares: 2,
        CpuPeriod: 0,
        CpuQuota: 0,
        Memory: 5,
        MemorySwap: 5,
        OomScoreAdj: 0,
        LogConfig: { Type: 'json-file', Config: { 'max-size': '10', 'max-file': '5' } },
      },
    });
  });

  test('what is said goes before the image', () => {
    const config = { ...container, args: ['x'], workingDir: '/w', stopSignal: 'SIGUSR1' };
    const security = { ...plain, user: '1000:2000' };
    const resources = { ...container.resources, pidsLimit: 7 };
    expect(renderContainer('s1', { ...config, security, resources }, '/log', defaults)).toMatchObject({
      Cmd: ['x'],
      WorkingDir: '/w',
      StopSignal: 'SIGUSR1',
      User: '1000:2000',
      HostConfig: { PidsLimit: 7 },
    });
  });

  const bind = { Type: 'bind', Source: '/a', Target: '/b' };
  test.each<[string, Partial<Mount>, object]>([
    ['writable', {}, { ...bind, ReadOnly: false }],
    [
      'read-only: not what is mounted below it',
      { readOnly: true },
      { ...bind, ReadOnly: true, BindOptions: { ReadOnlyNonRecursive: true } },
    ],
    [
      'read-only with all below it',
      { readOnly: true, recursiveReadOnly: true },
      { ...bind, ReadOnly: true, BindOptions: { ReadOnlyForceRecursive: true } },
    ],
    ['propagated', { propagation: 'rslave' }, { ...bind, ReadOnly: false, BindOptions: { Propagation: 'rslave' } }],
  ])('mount: %s', (_, change, expected) => {
    const mount: Mount = { hostPath: '/a', containerPath: '/b', readOnly: false, propagation: 'private', ...change };
    const body = renderContainer('s1', { ...container, mounts: [mount] }, '/log', defaults);
    expect(body.HostConfig?.Mounts).toEqual([expected]);
  });
});

test('the handler of a runtime class runs the sandbox and its containers', () => {
  const runtimeHandler = 'runsc';
  const made = [
    renderSandbox({ ...sandbox, runtimeHandler }, {}, defaults),
    renderContainer('s1', { ...container, runtimeHandler }, '/log', defaults),
    renderSandbox(sandbox, {}, defaults),
    renderContainer('s1', container, '/log', defaults),
  ];
  expect(made.map(({ HostConfig }) => HostConfig?.Runtime)).toEqual(['runsc', 'runsc', undefined, undefined]);
});

describe('security', () => {
  test.each<[Partial<ContainerSecurity>, string[]]>([
    [{ seccomp: { type: 'RuntimeDefault' } }, []],
    [{ seccomp: { type: 'Unconfined' } }, ['seccomp=unconfined']],
    [{ seccomp: { type: 'Localhost', profile: '{"defaultAction":"x"}' } }, ['seccomp={"defaultAction":"x"}']],
    [
      {
        seccomp: { type: 'RuntimeDefault' },
        noNewPrivileges: true,
        apparmorProfile: 'mine',
        selinuxLabels: ['user:u', 'level:s0:c1'],
      },
      ['no-new-privileges', 'apparmor=mine', 'label=user:u', 'label=level:s0:c1'],
    ],
  ])('options of %j', (security, options) => {
    expect(renderSecurity({ ...plain, ...security }).hostConfig.SecurityOpt).toEqual(options);
  });

  test('all else', () => {
    const security: ContainerSecurity = {
      ...plain,
      user: '1000',
      supplementalGroups: [1, 2],
      privileged: true,
      readOnlyRootFilesystem: true,
      capabilitiesToAdd: ['NET_ADMIN'],
      capabilitiesToDrop: ['ALL'],
      maskedPaths: [],
      readonlyPaths: ['/proc/sys'],
    };
    expect(renderSecurity(security)).toEqual({
      user: '1000',
      hostConfig: {
        Privileged: true,
        ReadonlyRootfs: true,
        GroupAdd: ['1', '2'],
        CapAdd: ['NET_ADMIN'],
        CapDrop: ['ALL'],
        SecurityOpt: ['seccomp=unconfined'],
        MaskedPaths: [],
        ReadonlyPaths: ['/proc/sys'],
      },
    });
  });
});

describe('change of limits', () => {
  const limited = { cpuShares: 512, cpuQuota: 5_000, cpuPeriod: 100_000, memoryLimit: 2 ** 26, pidsLimit: 9 };
  const free = { cpuShares: 2, cpuQuota: 0, cpuPeriod: 0, memoryLimit: 0 };

  test.each([
    [
      limited,
      { CpuShares: 512, CpuPeriod: 100_000, CpuQuota: 5_000, Memory: 2 ** 26, MemorySwap: 2 ** 26, PidsLimit: 9 },
    ],
    [free, { CpuShares: 2, CpuPeriod: 0, CpuQuota: -1, Memory: 2 ** 53, MemorySwap: 2 ** 54, PidsLimit: -1 }],
  ])('%j', (resources, body) => {
    expect(renderUpdate(resources)).toEqual(body);
    expect(decodeResources(body)).toEqual(resources);
  });

  test('a container that never had limits', () => {
    expect(decodeResources({ CpuShares: 2, CpuPeriod: 0, CpuQuota: 0, Memory: 0, PidsLimit: null })).toEqual(free);
    expect(decodeResources({})).toEqual({ ...free, cpuShares: 0 });
  });
});

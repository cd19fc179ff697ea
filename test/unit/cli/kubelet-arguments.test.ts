import { describe, expect, test } from 'vitest';
import { KubeletFlagError, readKubeletArguments } from '../../../agent/cli/kubelet/arguments-plan.ts';
import { knownFlags } from '../../../agent/bootstrap/join-cluster.ts';
import { loadConfig } from '../../../agent/config/index.ts';

const nothing = { flags: { kubelet: {} }, bootstrapKubeconfig: undefined, asks: 'run', warnings: [] };

describe('the command line of a kubelet', () => {
  test("kubeadm's, as its systemd unit passes it", () => {
    const words = [
      '--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf',
      '--kubeconfig=/etc/kubernetes/kubelet.conf',
      '--config=/var/lib/kubelet/config.yaml',
      '--container-runtime-endpoint=unix:///var/run/containerd/containerd.sock',
      '--pod-infra-container-image=registry.k8s.io/pause:3.10',
      '--hostname-override=n1',
    ];
    expect(readKubeletArguments(words)).toEqual({
      ...nothing,
      bootstrapKubeconfig: '/etc/kubernetes/bootstrap-kubelet.conf',
      flags: {
        kubeconfig: '/etc/kubernetes/kubelet.conf',
        config: '/var/lib/kubelet/config.yaml',
        containerRuntimeEndpoint: 'unix:///var/run/containerd/containerd.sock',
        podInfraContainerImage: 'registry.k8s.io/pause:3.10',
        hostnameOverride: 'n1',
        kubelet: {},
      },
    });
  });

  test.each<readonly [string, readonly string[], object]>([
    ['a value beside its flag', ['--root-dir', '/r', '-v', '4'], { flags: { rootDir: '/r', v: '4', kubelet: {} } }],
    ['a verbosity', ['-v=2'], { flags: { v: '2', kubelet: {} } }],
    ['underscores', ['--root_dir=/r'], { flags: { rootDir: '/r', kubelet: {} } }],
    [
      'a boolean alone',
      ['--register-node', '--anonymous-auth'],
      { flags: { registerNode: 'true', kubelet: { 'anonymous-auth': 'true' } } },
    ],
    ['a flag without effect', ['--cert-dir=/c'], { warnings: ['--cert-dir has no effect in podwright'] }],
    ['its version', ['--version'], { asks: 'version' }],
    ['its version, raw', ['--version=raw'], { asks: 'raw-version' }],
    ['help', ['-h'], { asks: 'help' }],
  ])('%s', (_name, words, expected) => {
    expect(readKubeletArguments(words)).toEqual({ ...nothing, ...expected });
  });

  test.each([
    [['--no-such-flag=1'], 'unknown flag: --no-such-flag'],
    [['--no-such-flag'], 'unknown flag: --no-such-flag'],
    [['--network-plugin=kubenet'], /^--network-plugin=kubenet is not supported by podwright/],
    [['--config'], 'flag needs an argument: --config'],
    [['--config-dir=/d'], '--config-dir is not supported by podwright'],
    [['run'], 'unknown command "run"'],
  ])('%j is refused', (words, message) => {
    expect(() => readKubeletArguments(words)).toThrow(KubeletFlagError);
    expect(() => readKubeletArguments(words)).toThrow(message);
  });

  test("kubeadm's of the days of dockershim", () => {
    const words = [
      ...['--network-plugin=cni', '--cgroup-driver=systemd', '--pod-infra-container-image=k8s.gcr.io/pause:3.2'],
      ...['--container-runtime=docker', '--docker-endpoint=unix:///d.sock', '--cni-bin-dir=/opt/cni/bin'],
    ];
    expect(readKubeletArguments(words)).toEqual({
      ...nothing,
      flags: {
        cgroupDriver: 'systemd',
        podInfraContainerImage: 'k8s.gcr.io/pause:3.2',
        dockerHost: 'unix:///d.sock',
        cniBinDir: '/opt/cni/bin',
        kubelet: {},
      },
      warnings: ['--container-runtime has no effect in podwright'],
    });
  });

  test('every flag of podwright run is one of its kubelet, too', () => {
    for (const name of [...knownFlags()].filter((name) => name !== '')) {
      const words = [`--${name}=x`];
      expect(Object.values(readKubeletArguments(words).flags), name).toContain('x');
    }
  });
});

describe('flags that set fields', () => {
  const load = async (file: string, kubelet: Record<string, string>) =>
    loadConfig(
      { config: '/c.yaml', kubelet },
      { readFile: () => Promise.resolve(file), env: {}, hostname: 'n1', cwd: '/' },
    );
  const document = (more: string): string =>
    `apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n${more}`;

  test('replace what the file says, and of an object only their part', async () => {
    const { config, warnings } = await load(
      document(
        'authentication: {anonymous: {enabled: true}, webhook: {cacheTTL: 5s}}\nevictionHard: {nodefs.available: 5%}\n',
      ),
      {
        'anonymous-auth': 'false',
        'client-ca-file': '/ca.crt',
        'eviction-hard': 'memory.available<100Mi,imagefs.available<15%',
        'system-reserved': 'cpu=100m, memory=1Gi',
        'feature-gates': 'A=true,B=false',
        'tls-cipher-suites': 'TLS_AES_128_GCM_SHA256',
      },
    );
    expect(config.kubelet).toMatchObject({
      authentication: {
        anonymous: { enabled: false },
        webhook: { cacheTTL: 5_000 },
        x509: { clientCAFile: '/ca.crt' },
      },
      evictionHard: { 'memory.available': '100Mi', 'imagefs.available': '15%' },
      systemReserved: { cpu: '100m', memory: '1Gi' },
      featureGates: { A: true, B: false },
      tlsCipherSuites: ['TLS_AES_128_GCM_SHA256'],
    });
    expect(config.kubelet.evictionHard).not.toHaveProperty('nodefs.available');
    expect(warnings).toContain(
      '--eviction-hard is deprecated in the kubelet: set evictionHard in the file of --config',
    );
  });

  test.each([
    ['port', 'abc', '--port'],
    ['fail-swap-on', 'maybe', '--fail-swap-on'],
    ['eviction-hard', 'memory.available=1Gi', '--eviction-hard'],
    ['authorization-mode', 'RBAC', '--authorization-mode'],
  ])('--%s=%s is refused with its name', async (flag, text, origin) => {
    await expect(load(document(''), { [flag]: text })).rejects.toThrow(origin);
  });
});

import { describe, expect, it } from 'vitest';
import { initSettings } from '../../../agent/control-plane/init-settings.ts';
import { renderEnd } from '../../../agent/control-plane/init-end-render.ts';
import { hostDefaults, settingsOf } from './settings.ts';

const kind = (name: string, fields: string): string => `apiVersion: kubeadm.k8s.io/v1beta4\nkind: ${name}\n${fields}\n`;

describe('the settings of an init', () => {
  it('have the defaults of kubeadm', () => {
    const settings = settingsOf();
    expect(settings).toMatchObject({
      nodeName: 'node-1',
      advertiseAddress: '192.0.2.10',
      bindPort: 6443,
      serviceSubnet: '10.96.0.0/12',
      podSubnet: undefined,
      dnsDomain: 'cluster.local',
      certificatesDir: '/etc/kubernetes/pki',
      etcdDataDir: '/var/lib/etcd',
      keyAlgorithm: 'RSA-2048',
      startTimeoutMs: 240_000,
    });
    expect(settings.images).toEqual({
      etcd: 'registry.k8s.io/etcd:3.5.16-0',
      'kube-apiserver': 'registry.k8s.io/kube-apiserver:v1.32.3',
      'kube-controller-manager': 'registry.k8s.io/kube-controller-manager:v1.32.3',
      'kube-scheduler': 'registry.k8s.io/kube-scheduler:v1.32.3',
      coredns: 'registry.k8s.io/coredns/coredns:v1.11.3',
    });
    expect(settings.tokens).toEqual([
      expect.objectContaining({
        token: { id: 'abcdef', secret: '0123456789abcdef' },
        ttlMs: 86_400_000,
        groups: ['system:bootstrappers:kubeadm:default-node-token'],
        usages: ['signing', 'authentication'],
      }),
    ]);
  });

  it('take flags before the file', () => {
    const file = [
      kind('ClusterConfiguration', 'kubernetesVersion: v1.30.1\nimageRepository: registry.example/k8s'),
      kind('InitConfiguration', 'nodeRegistration: { name: from-file, taints: [{ key: a, effect: NoSchedule }] }'),
    ].join('---\n');
    const settings = settingsOf({ nodeName: 'from-flag' }, file);
    expect(settings.version.text).toBe('v1.30.1');
    expect(settings.nodeName).toBe('from-flag');
    expect(settings.images.coredns).toBe('registry.example/k8s/coredns:v1.11.1');
    expect(settings.taints).toEqual([{ key: 'a', effect: 'NoSchedule' }]);
  });

  it.each([
    ['cluster.example', 'cluster.example:6443'],
    ['cluster.example:443', 'cluster.example:443'],
    ['2001:db8::5', '[2001:db8::5]:6443'],
    ['[2001:db8::5]:443', '[2001:db8::5]:443'],
  ])('reads the endpoint %s', (controlPlaneEndpoint, expected) => {
    expect(settingsOf({ controlPlaneEndpoint }).controlPlaneEndpoint).toBe(expected);
  });

  it.each([
    [{ kubernetesVersion: 'stable-1' }, '--kubernetes-version'],
    [{ kubernetesVersion: 'v1.19.9' }, 'from 1.20.0 on'],
    [{ podNetworkCidr: '10.244.0.0' }, '--pod-network-cidr'],
    [{ serviceCidr: '10.96.0.0/30' }, '--service-cidr'],
    [{ apiserverAdvertiseAddress: 'here' }, 'here is no address'],
    [{ apiserverBindPort: '70000' }, '--apiserver-bind-port'],
    [{ controlPlaneEndpoint: 'a b' }, '--control-plane-endpoint'],
    [{ token: 'short' }, 'bootstrap token'],
    [{ tokenTtl: 'soon' }, 'lifetime'],
  ])('refuse %j', (flags, message) => {
    expect(() => settingsOf(flags)).toThrow(message);
  });

  it('refuse an unknown field with its line, and etcd elsewhere', () => {
    expect(() => settingsOf({}, kind('ClusterConfiguration', 'etcd: { external: { endpoints: [] } }'))).toThrow(
      'init.yaml:3: etcd.external: is not supported',
    );
    expect(() => settingsOf({}, kind('InitConfiguration', 'localAPI: {}'))).toThrow('init.yaml');
  });

  it('need an address', () => {
    expect(() => initSettings({}, undefined, { ...hostDefaults, address: undefined })).toThrow('no default route');
  });

  it('hand the proxies of the environment to what asks other hosts, and what the user says before them', () => {
    const environment = {
      HTTPS_PROXY: 'http://198.51.100.9:3128',
      no_proxy: 'cluster.local',
      NO_PROXY: '',
      HOME: '/root',
    };
    const file = kind('ClusterConfiguration', 'scheduler:\n  extraEnvs:\n    - { name: no_proxy, value: own }');
    const { components } = settingsOf({}, file, { environment });
    const [proxy, exception] = [
      { name: 'HTTPS_PROXY', value: environment.HTTPS_PROXY },
      { name: 'no_proxy', value: 'cluster.local' },
    ];
    expect(components['kube-apiserver'].extraEnvs).toEqual([proxy, exception]);
    expect(components['kube-controller-manager'].extraEnvs).toEqual([proxy, exception]);
    expect(components['kube-scheduler'].extraEnvs).toEqual([proxy, { name: 'no_proxy', value: 'own' }]);
    expect(components.etcd.extraEnvs).toEqual([]);
  });

  it('make a token of their own', () => {
    const [token] = initSettings({}, undefined, hostDefaults).tokens;
    expect(token?.token.id).toMatch(/^[a-z0-9]{6}$/);
    expect(token?.token.secret).toMatch(/^[a-z0-9]{16}$/);
  });
});

describe('the end of an init', () => {
  it('keeps the token to itself when it is told to', () => {
    const text = renderEnd(settingsOf({ skipTokenPrint: true }), '');
    expect(text).not.toContain('0123456789abcdef');
    expect(text).toContain('podwright token create --print-join-command');
  });
});
